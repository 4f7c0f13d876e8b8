import { afterAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { LOAD_BASE_MS } from '../load.ts'
import { eventually } from '../trestle.ts'
import { flood } from './flood.ts'
import { LONG_MS, NOTHING_LOST, Report, times } from './long-run.ts'
import { limitMemory } from './memory-limit.ts'
import { Story } from './story.ts'

const LIMIT_BYTES = 512 * 1024 ** 2
const FROZEN = 50

const report = new Report('Little memory')
afterAll(() => report.write())

it(
  'with 512 MB, the store away, all the load that fits and frozen dashboards the process lives, and nothing is lost',
  async context => {
    const story = await Story.begin({ INFLUX_URL: 'http://127.0.0.1:9' })
    const { pid, http, mqtt } = story.trestle
    const limit = limitMemory(pid, LIMIT_BYTES)
    if (limit === null) {
      await story.end()
      report.row('512 MB', 'NOT TESTED: the machine forbids control groups')
      return context.skip('a limit of memory needs control groups, version 1')
    }
    const dashboards = Array.from({ length: FROZEN }, () => {
      const socket = new WebSocket(`ws://127.0.0.1:${http}/live`)
      socket.on('open', () => {
        socket.send('{"op":"subscribe","id":1}')
        socket.pause()
      })
      socket.on('error', () => undefined)
      return socket
    })
    const load = story.send({ connections: 20, readings: 5000, window: 200 })
    const flooded = await flood({
      port: mqtt,
      connections: 20,
      messages: times(3_000_000),
      baseMs: LOAD_BASE_MS,
    })
    await load.done
    const isAlive = load.disconnects === 0 && process.kill(pid, 0)
    const [most, failures] = [limit.maxBytes(), limit.failures()]
    for (const dashboard of dashboards) dashboard.terminate()
    await load.stop()
    await story.kill()
    await eventually(
      async () => {
        try {
          limit.remove()
          return true
        } catch {
          return false
        }
      },
      isGone => isGone,
    )
    await story.start({ INFLUX_URL: '' })
    const result = await story.check({ withinMs: 300_000 })
    await story.end()
    report.story(
      `${flooded} messages more, in 512 MB with ${FROZEN} frozen dashboards, ${Math.round(most / 1e6)} MB at most with the cache, ${failures} times at the limit`,
      result,
    )
    expect({ isAlive, ...result }).toMatchObject({ isAlive: true, ...NOTHING_LOST })
    expect(result.ledger).toMatchObject({ stored: flooded + result.stored, dropped: {} })
  },
  LONG_MS,
)
