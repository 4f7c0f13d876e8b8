/** kill -9 at moments of chance, under load; the devices send again what was not acknowledged. */

import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../trestle.ts'
import { seededRandom } from './simulated-disk.ts'
import { Story, type StoryReport } from './story.ts'

const CONNECTIONS = 10
const WINDOW = 20

export async function killMany(options: {
  readonly kills: number
  readonly seed: number
  readonly influxUrl: string | null
}): Promise<StoryReport> {
  const random = seededRandom(options.seed)
  const env: Record<string, string> = options.influxUrl === null ? {} : { INFLUX_URL: options.influxUrl }
  const story = await Story.begin(env)
  try {
    story.send({ connections: CONNECTIONS, readings: 1_000_000, window: WINDOW })
    for (let kill = 0; kill < options.kills; kill++) {
      const before = story.acknowledged
      await eventually(
        async () => story.acknowledged,
        now => now > before,
        60_000,
      )
      await sleep(random() * 400)
      await story.restart()
    }
    return await story.check({ influxUrl: options.influxUrl })
  } finally {
    await story.end()
  }
}
