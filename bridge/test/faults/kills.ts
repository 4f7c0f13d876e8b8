/** Killed, or told to end, at moments of chance, under load; the devices send again what was not acknowledged. */

import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../../../broker/seeded.ts'
import { eventually } from '../trestle.ts'
import { Story, type StoryReport } from './story.ts'

const CONNECTIONS = 10
const WINDOW = 20

export interface KillReport extends StoryReport {
  readonly kills: number
  /** From the signal to the end of the process. */
  readonly longestEndMs: number
}

export async function killMany(options: {
  readonly kills: number
  readonly seed: number
  readonly influxUrl: string | null
  readonly signal?: 'SIGKILL' | 'SIGTERM'
  /** Ends early after so long. */
  readonly withinMs?: number
}): Promise<KillReport> {
  const { signal = 'SIGKILL', influxUrl, withinMs = Number.POSITIVE_INFINITY } = options
  const random = seeded(options.seed)
  const env: Record<string, string> = influxUrl === null ? {} : { INFLUX_URL: influxUrl }
  const until = performance.now() + withinMs
  const story = await Story.begin(env)
  let kills = 0
  let longestEndMs = 0
  try {
    story.send({ connections: CONNECTIONS, readings: 1_000_000, window: WINDOW })
    for (; kills < options.kills && performance.now() < until; kills++) {
      const before = story.acknowledged
      await eventually(
        async () => story.acknowledged,
        now => now > before,
        60_000,
      )
      await sleep(random() * 400)
      const started = performance.now()
      await story.trestle.stop(signal)
      longestEndMs = Math.max(longestEndMs, performance.now() - started)
      await story.start()
    }
    return { ...(await story.check({ influxUrl })), kills, longestEndMs }
  } finally {
    await story.end()
  }
}
