/**
 * The power is cut under load, on an ext4 of its own: the bridge is stopped in the middle, what the device holds is
 * copied, and the next life begins from the copy. What only the page cache held is gone.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../../broker/seeded.ts'
import { eventually, newDataDir } from '../trestle.ts'
import { ImageDisk } from './disk-faults.ts'
import { SleepingWitness, type WitnessReport } from './sleeping-witness.ts'
import { Story, type StoryReport } from './story.ts'

/** Null: the machine forbids it, and said why. */
export async function cutPowerMany(options: {
  readonly cuts: number
  readonly seed: number
  readonly withinMs?: number
}): Promise<(StoryReport & { readonly cuts: number; readonly witness: WitnessReport }) | null> {
  const random = seeded(options.seed)
  const images = mkdtempSync(join(tmpdir(), 'trestle-image-'))
  const dataDir = newDataDir()
  const mounted = join(dataDir, 'data')
  mkdirSync(mounted)
  const disk = ImageDisk.mount(join(images, 'disk.img'), mounted, 48)
  if (disk === null) return null
  const until = performance.now() + (options.withinMs ?? Number.POSITIVE_INFINITY)
  const story = await Story.begin(
    { TRESTLE_SPOOL__KEEP_DELIVERED__BYTES: '0', TRESTLE_MQTT__SESSIONS__MAX_MESSAGES: '100000' },
    dataDir,
  )
  const witness = await SleepingWitness.begin(story.trestle.mqtt)
  let cuts = 0
  try {
    story.send({ connections: 5, readings: 1_000_000, window: 20 })
    for (; cuts < options.cuts && performance.now() < until; cuts++) {
      const before = story.acknowledged
      await eventually(
        async () => story.acknowledged,
        now => now > before,
        60_000,
      )
      await sleep(random() * 300)
      process.kill(story.trestle.pid, 'SIGSTOP')
      // What was acknowledged is known by now; what is on its way from the frozen process will never come.
      await sleep(20)
      disk.copy()
      await story.kill()
      disk.useCopy()
      await story.start()
    }
    return { ...(await story.check()), cuts, witness: await witness.check() }
  } finally {
    await witness.stop()
    await story.end(() => disk.unmount())
    rmSync(images, { recursive: true })
  }
}
