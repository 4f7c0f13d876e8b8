import mqtt from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const running: Trestle[] = []
afterEach(async () => {
  for (const trestle of running.splice(0).toReversed()) {
    await trestle.stop()
    removeDataDir(trestle.dataDir)
  }
})

async function start(env: Readonly<Record<string, string>> = {}, dataDir = newDataDir()): Promise<Trestle> {
  const trestle = await startTrestle({ dataDir, env })
  running.push(trestle)
  return trestle
}

it('two bridges split what a third takes in: each message is stored by one, also when one is killed', async () => {
  const first = await start()
  const env = {
    MQTT_URL: `mqtt://127.0.0.1:${first.mqtt}`,
    TRESTLE_MQTT__TOPICS: '$share/bridges/home/#',
  }
  const second = await start(env)
  let third = await start(env)
  const isReading = async ({ url }: Trestle) =>
    (await (await fetch(`${url}/metrics`)).text()).includes('trestle_mqtt_external_up 1')
  for (const trestle of [second, third])
    await eventually(
      () => isReading(trestle),
      isUp => isUp,
    )

  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${first.mqtt}`)
  let sent = 0
  const send = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        device.publishAsync('home/kitchen/thermo/state', JSON.stringify({ n: sent++ }), { qos: 1 }),
      ),
    )
  const stored = async () => {
    const ledgers = await Promise.all([second, third].map(trestle => trestle.ledger()))
    return ledgers.map(ledger => ledger.stored)
  }
  const allStored = () => eventually(stored, counts => counts[0]! + counts[1]! >= sent)
  await send(100)
  const counts = await allStored()
  expect(counts[0]! + counts[1]!).toBe(100)
  for (const count of counts) expect(count).toBeGreaterThan(20)

  // What it had been given and not stored waits for it; the rest goes to the other.
  const sending = send(200)
  await third.kill()
  await sending
  third = await start(env, third.dataDir)
  const after = await allStored()
  // One that was stored, and not acknowledged any more, comes again and is recognised.
  expect(after[0]! + after[1]!).toBe(300)
  await device.endAsync()
}, 60_000)
