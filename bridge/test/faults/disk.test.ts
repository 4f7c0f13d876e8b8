import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Load } from '../load.ts'
import { eventually, newDataDir } from '../trestle.ts'
import { type DiskFaults, diskFaults, smallDisk } from './disk-faults.ts'
import { Story } from './story.ts'

let story: Story | null = null
let unmount: () => void = () => undefined
afterEach(async () => {
  await story?.end(unmount)
  story = null
  unmount = () => undefined
})

interface Readiness {
  readonly ready: boolean
  readonly reason: string | null
}

/** `/readyz` says why also when it says no. */
async function readiness(of: Story): Promise<Readiness> {
  return (await (await fetch(`${of.trestle.url}/readyz`)).json()) as Readiness
}

async function begin(below = 'data/spool/'): Promise<{ running: Story; faults: DiskFaults }> {
  const dataDir = newDataDir()
  const faults = diskFaults(join(dataDir, below), dataDir)
  story = await Story.begin({ ...faults.env, TRESTLE_SPOOL__HOLD: '500' }, dataDir)
  return { running: story, faults }
}

/**
 * From the fault on nothing is acknowledged; within 2 s of its end messages are taken again. Returns the reason that
 * `/readyz` gave.
 */
async function stuckUntilWell(running: Story, load: Load, faults: DiskFaults): Promise<string | null> {
  await eventually(
    () => readiness(running),
    ({ ready }) => !ready,
  )
  const stuck = load.acked.size
  await sleep(1500)
  expect(load.acked.size).toBe(stuck)
  const { reason } = await readiness(running)
  faults.set()
  await eventually(
    () => readiness(running),
    ({ ready }) => ready,
    2000,
  )
  await eventually(
    async () => load.acked.size,
    acked => acked > stuck,
    5000,
  )
  return reason
}

describe('a disk that fails now and then loses nothing that was acknowledged, and nothing is acknowledged on it:', () => {
  it.each(['write EIO 20', 'write ENOSPC 20', 'fdatasync EIO 20', 'fdatasync ENOSPC 20', 'open EMFILE 50'])(
    '%s',
    async fault => {
      const { running, faults } = await begin()
      const load = running.send({ connections: 5, readings: 100_000, window: 20 })
      await eventually(
        async () => load.acked.size,
        acked => acked > 100,
      )
      faults.set(fault)
      await sleep(2000)
      // The crash finds what the faults left, and the new start meets them too.
      await running.restart()
      await sleep(1000)
      faults.set()
      const before = load.acked.size
      await eventually(
        async () => load.acked.size,
        acked => acked > before + 100,
      )
      const report = await running.check()
      expect(report).toMatchObject({ lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } })
    },
    60_000,
  )
})

it('a disk that fails for good acknowledges nothing, says so in /readyz, and takes messages within 2 s of being well', async () => {
  const { running, faults } = await begin()
  const load = running.send({ connections: 3, readings: 100_000, window: 10 })
  await eventually(
    async () => load.acked.size,
    acked => acked > 100,
  )
  faults.set('fdatasync EIO 100', 'write EIO 100')
  expect(await stuckUntilWell(running, load, faults)).toMatch(/cannot be written.*EIO/)
  expect(await running.check()).toMatchObject({ lost: 0, duplicates: 0, ledger: { balanced: true } })
}, 60_000)

it('a file system that turns read-only under load acknowledges nothing, and takes messages within 2 s of being writable', async () => {
  const { running, faults } = await begin('data/')
  const load = running.send({ connections: 3, readings: 100_000, window: 10 })
  await eventually(
    async () => load.acked.size,
    acked => acked > 100,
  )
  // What a kernel says that has set it read-only under open files. By `mount` it cannot be done: that refuses then.
  faults.set(...['write', 'fdatasync', 'open', 'change'].map(call => `${call} EROFS 100`))
  expect(await stuckUntilWell(running, load, faults)).toMatch(/EROFS/)
  // A new life finds nothing half done.
  await running.restart()
  expect(await running.check()).toMatchObject({ lost: 0, duplicates: 0, ledger: { balanced: true } })
}, 60_000)

it('faults of the position and the quarantine stop neither the devices nor the account', async () => {
  const { running, faults } = await begin('data/')
  const load = running.send({ connections: 3, readings: 100_000, window: 10 })
  await eventually(
    async () => load.acked.size,
    acked => acked > 100,
  )
  // Everything below the data directory: spool, cursor, quarantine, journal, embedded store.
  faults.set('fdatasync EIO 10', 'write EIO 5')
  await sleep(3000)
  faults.set()
  await running.restart()
  expect(await running.check()).toMatchObject({ lost: 0, duplicates: 0, ledger: { balanced: true } })
}, 60_000)

it('a full disk: nothing is acknowledged, nothing lost, and messages are taken within 2 s of space', async () => {
  const dataDir = newDataDir()
  const spool = join(dataDir, 'data/spool')
  mkdirSync(spool, { recursive: true })
  const small = smallDisk(spool, 4)
  if (small === null) return
  unmount = small.unmount
  const filler = join(spool, 'filler')
  // The store is away: everything waits in the spool.
  story = await Story.begin({ INFLUX_URL: 'http://127.0.0.1:9', TRESTLE_SPOOL__HOLD: '500' }, dataDir)
  const running = story
  writeFileSync(filler, Buffer.alloc(3 * 1024 * 1024))
  const load = running.send({ connections: 5, readings: 1_000_000, window: 50 })
  const full = await eventually(
    () => readiness(running),
    ({ ready }) => !ready,
    30_000,
  )
  expect(full.reason).toMatch(/ENOSPC/)
  rmSync(filler)
  await eventually(
    () => readiness(running),
    ({ ready }) => ready,
    2000,
  )
  await load.stop()
  const acknowledged = load.acked.size
  await running.kill()
  await running.start({ INFLUX_URL: '' })
  const report = await running.check()
  expect(report).toMatchObject({
    acknowledged,
    lost: 0,
    duplicates: 0,
    invented: 0,
    ledger: { balanced: true },
  })
}, 90_000)

describe('a spool at its bytes', () => {
  const SMALL = {
    INFLUX_URL: 'http://127.0.0.1:9',
    TRESTLE_SPOOL__MAX_BYTES: '2MiB',
    TRESTLE_SPOOL__SEGMENT_BYTES: '256KiB',
    TRESTLE_SPOOL__HOLD: '300',
  }

  it('refuses: devices keep their data, and it goes on once there is room', async () => {
    story = await Story.begin(SMALL)
    const running = story
    running.send({ connections: 5, readings: 1_000_000, window: 50 })
    const full = await eventually(
      () => readiness(running),
      ({ ready }) => !ready,
      30_000,
    )
    expect(full.reason).toMatch(/holds its 2097152 bytes/)
    await running.kill()
    await running.start({ INFLUX_URL: '' })
    const stuck = running.acknowledged
    await eventually(
      async () => running.acknowledged,
      now => now > stuck,
    )
    expect(await running.check()).toMatchObject({ lost: 0, duplicates: 0, ledger: { balanced: true } })
  }, 60_000)

  it('drops the oldest when told so: devices are not held up, and every message that went is counted', async () => {
    story = await Story.begin({ ...SMALL, TRESTLE_SPOOL__POLICY: 'drop-oldest' })
    const running = story
    const load = running.send({ connections: 5, readings: 8000, window: 50 })
    await load.done
    const { dropped, balanced } = await running.trestle.ledger()
    expect(balanced).toBe(true)
    expect(dropped['spool-full']).toBeGreaterThan(0)
    expect((await readiness(running)).ready).toBe(true)
    await running.kill()
    await running.start({ INFLUX_URL: '' })
    const report = await running.check()
    expect(report).toMatchObject({ acknowledged: 40_000, duplicates: 0, ledger: { balanced: true } })
    expect(report.lost).toBe(report.ledger.dropped['spool-full'])
    expect(report.ledger.stored).toBe(report.stored)
  }, 60_000)
})
