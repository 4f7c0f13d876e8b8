import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Delivery } from './delivery.ts'
import { ExternalBroker, type ExternalOptions } from './external.ts'
import { listener, send } from './fixture.ts'
import { type Mosquitto, startMosquitto } from './mosquitto.ts'

let mosquitto: Mosquitto
const opened: ExternalBroker[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(external => external.close()))
  await mosquitto.stop()
})

interface Reader {
  readonly external: ExternalBroker
  readonly accepted: Delivery[]
  readonly recalled: Delivery[]
  readonly log: string[]
  /** Resolves when so many messages have come. */
  count(messages: number): Promise<void>
}

/** Connected, unless it cannot be. */
async function read(options: Partial<ExternalOptions> = {}, isExpected = true): Promise<Reader> {
  const accepted: Delivery[] = []
  const recalled: Delivery[] = []
  const log: string[] = []
  const say = (fields: object, text: string) => void log.push(`${text} ${JSON.stringify(fields)}`)
  const external = new ExternalBroker({
    url: `mqtt://127.0.0.1:${mosquitto.port}`,
    clientId: 'trestle-test',
    topics: ['#'],
    recall: delivery => {
      recalled.push(delivery)
      return Promise.resolve()
    },
    log: { info: say, warn: say, error: say },
    ...options,
    accept: delivery => {
      accepted.push(delivery)
      return options.accept?.(delivery) ?? Promise.resolve()
    },
  })
  opened.push(external)
  while (isExpected && !external.isReading) await sleep(10)
  return {
    external,
    accepted,
    recalled,
    log,
    async count(messages) {
      while (accepted.length < messages) await sleep(10)
    },
  }
}

const payloads = (deliveries: readonly Delivery[]) => deliveries.map(({ payload }) => payload.toString())
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

describe('a message from another broker', () => {
  it('is acknowledged only once it is stored: a reader that dies before gets it again', async () => {
    mosquitto = await startMosquitto()
    const first = await read({ accept: () => new Promise(() => undefined) })
    await send(
      mosquitto.port,
      numbers(30).map(n => ['a/b', n]),
    )
    // Mosquitto sends twenty before it wants an acknowledgement.
    await first.count(20)
    await first.external.close()
    const second = await read()
    await second.count(30)
    expect(payloads(second.accepted)).toEqual(numbers(30))
    expect(second.accepted.map(({ dup }) => dup)).toEqual(numbers(30).map(n => Number(n) < 20))
    expect(second.accepted[0]!.packetId).toBe(first.accepted[0]!.packetId)
  })

  it('that the spool refuses comes again, in order, and others are not lost', async () => {
    mosquitto = await startMosquitto()
    let refusals = 2
    const reader = await read({
      accept: ({ payload }) => {
        if (payload.toString() !== '5' || refusals === 0) return Promise.resolve()
        refusals--
        return Promise.reject(new Error('the disk is full'))
      },
    })
    await send(
      mosquitto.port,
      numbers(40).map(n => ['a/b', n]),
    )
    while (!payloads(reader.accepted).includes('39')) await sleep(20)
    expect(reader.external.stats.refused).toBe(2)
    expect([...new Set(payloads(reader.accepted))]).toEqual(numbers(40))
  })

  it('does not wait for the one before to be stored, and is not read beyond a bound', async () => {
    mosquitto = await startMosquitto(() => ['max_inflight_messages 0'])
    const stores: (() => void)[] = []
    const reader = await read({ accept: () => new Promise(resolve => stores.push(() => resolve())) })
    await send(
      mosquitto.port,
      numbers(5000).map(n => ['a/b', n]),
    )
    await reader.count(2000)
    await sleep(200)
    expect(reader.accepted).toHaveLength(2000)
    const release = setInterval(() => {
      for (const store of stores.splice(0)) store()
    }, 5)
    await reader.count(5000)
    clearInterval(release)
    for (const store of stores.splice(0)) store()
    expect(payloads(reader.accepted)).toEqual(numbers(5000))
    while (reader.external.pending > 0) await sleep(10)
    await reader.external.close()
    const again = await read()
    await sleep(200)
    expect(again.accepted).toEqual([])
  })

  it('that it kept is told apart from one that was sent now', async () => {
    mosquitto = await startMosquitto()
    await send(mosquitto.port, [['home/kept', '1']], 1, true)
    const reader = await read()
    await send(mosquitto.port, [['home/kept', '2']], 1, true)
    await reader.count(1)
    expect(payloads(reader.recalled)).toEqual(['1'])
    expect(payloads(reader.accepted)).toEqual(['2'])
    expect(reader.accepted[0]!.retain).toBe(false)
  })

  it('comes again after the broker was restarted', async () => {
    mosquitto = await startMosquitto()
    const reader = await read()
    await mosquitto.restart()
    while (!reader.external.isReading) await sleep(20)
    await send(mosquitto.port, [['a/b', 'after']])
    await reader.count(1)
    expect(reader.log.some(line => line.includes('away'))).toBe(true)
  })
})

it('a broker that forgot us is read from once it has the subscriptions again, not before', async () => {
  mosquitto = await startMosquitto(() => ['persistence false'])
  const isReading: (boolean | undefined)[] = []
  const quiet = () => undefined
  const log = { info: () => isReading.push(reader?.external.isReading), warn: quiet, error: quiet }
  let reader: Reader | undefined
  reader = await read({ log })
  await mosquitto.restart()
  while (isReading.length < 2) await sleep(10)
  expect(isReading[1]).toBe(false)
  while (!reader.external.isReading) await sleep(10)
  await send(mosquitto.port, [['a/b', 'after']])
  await reader.count(1)
})

it('what we publish ourselves is not taken for a message of a device', async () => {
  mosquitto = await startMosquitto()
  const reader = await read()
  const device = await listener(mosquitto.port)
  await device.client.subscribeAsync('cmd/#', { qos: 1 })
  const publication = { topic: 'cmd/lamp', payload: Buffer.from('ON'), qos: 1 as const, retain: false }
  expect(await reader.external.deliver(publication, 2000)).toBe('delivered')
  await device.count(1)
  await send(mosquitto.port, [['cmd/lamp', 'ON']])
  await reader.count(1)
  expect(reader.accepted).toHaveLength(1)
  expect(reader.external.stats.own).toBe(1)
  await device.client.endAsync()
})

it('with every connection it is told anew that we are there', async () => {
  mosquitto = await startMosquitto()
  const state = (word: string) => ({
    topic: 'state',
    payload: Buffer.from(word),
    qos: 1 as const,
    retain: true,
  })
  const reader = await read({ will: state('gone'), birth: () => state('here') })
  const kept = async () => {
    const watcher = await listener(mosquitto.port)
    await watcher.client.subscribeAsync('state', { qos: 1 })
    while (watcher.heard.at(-1) !== 'state here') await watcher.count(watcher.heard.length + 1)
    await watcher.client.endAsync()
  }
  await kept()
  await mosquitto.restart()
  while (!reader.external.isReading) await sleep(20)
  await kept()
  expect(reader.accepted).toEqual([])
})

describe('the broker asks who we are', () => {
  const withPassword = () =>
    startMosquitto(directory => {
      const file = join(directory, 'passwords')
      writeFileSync(file, '', { mode: 0o600 })
      execFileSync('mosquitto_passwd', ['-b', file, 'bridge', 'p@ss/word'], { stdio: 'ignore' })
      return ['allow_anonymous false', `password_file ${file}`]
    })

  it('and takes the answer from the URL or from the settings; no log tells it', async () => {
    mosquitto = await withPassword()
    const byUrl = await read({ url: `mqtt://bridge:p%40ss%2Fword@127.0.0.1:${mosquitto.port}` })
    expect(byUrl.external.isReading).toBe(true)
    await byUrl.external.close()
    const bySettings = await read({ username: 'bridge', password: 'p@ss/word' })
    expect([...byUrl.log, ...bySettings.log].join()).not.toMatch(/p@ss|p%40ss/)
  })

  it('and a wrong one is told in the log, and tried again', async () => {
    mosquitto = await withPassword()
    const reader = await read({ username: 'bridge', password: 'wrong' }, false)
    while (reader.log.length === 0) await sleep(20)
    expect(reader.log[0]).toMatch(/away.*Not authorized/)
    expect(reader.external.isReading).toBe(false)
  })

  it('by TLS, with an authority of our own', async () => {
    mosquitto = await startMosquitto(directory => {
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
      execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...subject], {
        stdio: 'ignore',
      })
      return [`certfile ${cert}`, `keyfile ${key}`]
    })
    const url = `mqtts://localhost:${mosquitto.port}`
    const reader = await read({ url, ca: readFileSync(join(mosquitto.directory, 'cert.pem')) })
    expect(reader.external.isReading).toBe(true)
    const stranger = await read({ url, clientId: 'stranger' }, false)
    while (stranger.log.length === 0) await sleep(20)
    expect(stranger.log[0]).toMatch(/self-signed certificate/)
  })
})
