import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Listener, listener } from '../../broker/fixture.ts'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle({ env: { TRESTLE_MQTT__SYS_INTERVAL: '200ms' } })
})
afterAll(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

/** Until a topic says what is wanted. */
async function heard(from: Listener, topic: string, isRight: (value: string) => boolean): Promise<string> {
  for (let seen = 0; ; await from.count(seen + 1)) {
    for (; seen < from.heard.length; seen++) {
      const text = from.heard[seen]!
      if (text.startsWith(`${topic} `) && isRight(text.slice(topic.length + 1)))
        return text.slice(topic.length + 1)
    }
  }
}

describe('$SYS/broker/...', () => {
  it('tells the broker’s figures under Mosquitto’s names, at once and as they change', async () => {
    const watcher = await listener(trestle.mqtt, { clientId: 'watcher' })
    await watcher.client.subscribeAsync('$SYS/broker/#')
    const tell = (name: string, isRight: (value: string) => boolean) =>
      heard(watcher, `$SYS/broker/${name}`, isRight)
    expect(await tell('version', () => true)).toMatch(/^trestle version \d+\.\d+\.\d+$/)
    expect(await tell('uptime', () => true)).toMatch(/^\d+ seconds$/)
    await tell('clients/connected', value => value === '1')
    const sleeper = await listener(trestle.mqtt, { clientId: 'sleeper', clean: false })
    await sleeper.client.subscribeAsync('a/#', { qos: 1 })
    await tell('clients/connected', value => value === '2')
    await sleeper.client.endAsync()
    await tell('clients/disconnected', value => value === '1')
    await tell('clients/total', value => value === '2')
    for (let i = 0; i < 5; i++) await watcher.client.publishAsync('a/b', '1', { qos: 1 })
    await tell('publish/messages/received', value => value === '5')
    await tell('load/publish/received/1min', value => Number(value) > 0)
    await watcher.client.endAsync()
  })

  it('never what tells client ids, whatever is asked for', async () => {
    const watcher = await listener(trestle.mqtt, { clientId: 'nosy' })
    for (const filter of ['$SYS/#', '$SYS/+/new/clients', '$SYS/+/+/clients']) {
      const granted = await watcher.client.subscribeAsync(filter).catch((error: Error) => error)
      if (!(granted instanceof Error)) expect(granted.map(({ qos }) => qos)).toEqual([128])
    }
    await watcher.client.subscribeAsync({ '$SYS/broker/#': { qos: 0 }, '#': { qos: 0 } })
    await (await listener(trestle.mqtt, { clientId: 'somebody-private' })).client.endAsync()
    await heard(watcher, '$SYS/broker/uptime', () => true)
    const topics = watcher.heard.map(text => text.slice(0, text.indexOf(' ')))
    expect(topics.filter(topic => topic.startsWith('$SYS/') && !topic.startsWith('$SYS/broker/'))).toEqual([])
    expect(watcher.heard.join()).not.toContain('somebody-private')
    await watcher.client.endAsync()
  })

  it('is not stored, not counted as received, and leaves nothing on the disk', async () => {
    const { received } = await trestle.ledger()
    expect(received).toBe(5)
    expect((await trestle.devices()).map(({ id }) => id)).not.toContain('broker')
  })
})
