import { connectAsync } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const NAMES = 2_000
const DEVICES = 50

let trestle: Trestle | null = null
const dataDir = newDataDir()
afterEach(async () => {
  await trestle?.stop()
  removeDataDir(dataDir)
})

it('a rogue with thousands of names costs the caps, others lose nothing, and nothing is lost', async () => {
  trestle = await startTrestle({ dataDir, env: { TRESTLE_LIMITS__DEVICES: String(DEVICES) } })
  const url = `mqtt://127.0.0.1:${trestle.mqtt}`
  const rogue = await connectAsync(url, { clientId: 'rogue' })
  const honest = await connectAsync(url, { clientId: 'honest' })
  const say = async (n: number) => {
    await Promise.all([
      rogue.publishAsync(`evil/name-${n}/state`, '{"t":1}', { qos: 1 }),
      ...(n % 20 === 0 ? [honest.publishAsync('home/hall/thermo-1/state', `{"seq":${n}}`, { qos: 1 })] : []),
    ])
  }
  // Acknowledged, every one of them.
  for (let n = 0; n < NAMES; n += 200) await Promise.all(Array.from({ length: 200 }, (_, i) => say(n + i)))
  await Promise.all([rogue.endAsync(), honest.endAsync()])

  const isSettled = ({ waiting }: { waiting: number }) => waiting === 0
  const account = await eventually(() => trestle!.ledger(), isSettled)
  const devices = await trestle.devices()
  expect(devices.length).toBeLessThanOrEqual(DEVICES)
  expect(devices.map(({ id }) => id)).toContain('thermo-1')
  const stored = NAMES / 20 + devices.length - 1
  expect(account).toMatchObject({ stored, quarantined: NAMES - (devices.length - 1), balanced: true })
  const { points } = await trestle.get<{ points: object[] }>(
    '/api/history?device=thermo-1&field=seq&points=raw',
  )
  expect(points).toHaveLength(NAMES / 20)
  const { entries } = await trestle.get<{ entries: { reason: string }[] }>('/api/quarantine')
  expect(new Set(entries.map(({ reason }) => reason))).toEqual(new Set(['too-many-devices']))
  const metrics = await (await fetch(`${trestle.url}/metrics`)).text()
  expect(metrics).toContain(`trestle_devices ${devices.length}`)
  expect(metrics).toMatch(/trestle_limits_refused_total\{reason="too-many-devices"\} [1-9]/)
  await trestle.stop()

  trestle = await startTrestle({ dataDir })
  const replay = await fetch(`${trestle.url}/api/quarantine/replay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  expect(await replay.json()).toMatchObject({ replayed: NAMES - (devices.length - 1), kept: 0 })
  const after = await eventually(() => trestle!.ledger(), isSettled)
  expect(after).toMatchObject({ stored: NAMES + NAMES / 20, quarantined: 0, balanced: true })
  expect(await trestle.devices()).toHaveLength(NAMES + 1)
})
