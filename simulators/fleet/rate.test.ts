import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { targetOf } from '../target.ts'
import { fleetDevices } from './device.ts'
import { Fleet } from './fleet.ts'

const SINK = new URL('sink.ts', import.meta.url).pathname

/** By its own processor time, so that the result does not depend on what else the machine does. */
it('one core is enough for 30,000 messages a second with QoS 1, each device on a connection of its own', async () => {
  const sink = spawn(process.execPath, [SINK, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(createInterface(sink.stdout), 'line')) as [string]
  const target = targetOf(`mqtt://127.0.0.1:${port}`)
  const fleet = new Fleet(fleetDevices(1000, 1), { target, rate: 30_000, seed: 1, qos: 1 })
  try {
    await fleet.connect()
    const before = process.cpuUsage()
    await fleet.run({ startMs: Date.now(), durationMs: 1500 })
    expect(await fleet.settled(5000)).toBe(true)
    const { user, system } = process.cpuUsage(before)
    expect(fleet.stats).toMatchObject({ sent: 45_000, acknowledged: 45_000, lost: 0 })
    expect(fleet.stats.acknowledged / ((user + system) / 1e6)).toBeGreaterThan(30_000)
  } finally {
    fleet.close()
    sink.kill()
  }
})
