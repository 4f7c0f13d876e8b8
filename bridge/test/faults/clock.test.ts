import type { IConnackPacket } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from '../load.ts'
import { eventually, newDataDir } from '../trestle.ts'
import { Story } from './story.ts'
import { wallClock } from './wall-clock.ts'

let story: Story | null = null
afterEach(async () => {
  await story?.end()
  story = null
})

it('a wall clock that jumps 400 days ahead, to 1972 and back disconnects nobody, loses nothing, forgets nobody who sleeps', async () => {
  const dataDir = newDataDir()
  const clock = wallClock(dataDir)
  story = await Story.begin(clock.env, dataDir)
  const { trestle } = story
  const sleeper = connect(trestle.mqtt, { clientId: 'sleeper', clean: false })
  await sleeper.subscribeAsync('home/door/lock/set', { qos: 1 })
  await sleeper.endAsync()
  const lastWeekMs = Date.now() - 5 * 86_400_000
  const old = connect(trestle.mqtt)
  await old.publishAsync('home/room/old/state', `{"seq":1,"ts":${lastWeekMs}}`, { qos: 1 })
  await old.endAsync()
  await eventually(
    () => trestle.ledger(),
    ({ stored }) => stored === 1,
  )
  const load = story.send({ connections: 5, readings: 1_000_000, window: 10 })
  const dashboard = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`)
  let frames = 0
  let hasClosed = false
  dashboard.on('open', () => dashboard.send('{"op":"subscribe","id":1,"devices":["load-0"]}'))
  dashboard.on('message', () => frames++)
  dashboard.on('close', () => {
    hasClosed = true
  })

  const years: number[] = []
  for (const time of ['+400d', '@1972-01-01 00:00:00', '-30m', undefined]) {
    clock.set(time)
    const [{ stored }, seen] = [await trestle.ledger(), frames]
    // Several batches: between them the embedded store looks what has grown old.
    await eventually(
      () => trestle.ledger(),
      now => now.stored - stored > 5000 && frames - seen > 2,
      60_000,
    )
    const { serverTime } = await trestle.get<{ serverTime: number }>('/live/poll')
    years.push(new Date(serverTime).getUTCFullYear())
    expect(await trestle.get('/readyz')).toMatchObject({ ready: true, store: { ok: true } })
  }
  const thisYear = new Date().getUTCFullYear()
  expect(years).toEqual([new Date(Date.now() + 400 * 86_400_000).getUTCFullYear(), 1972, thisYear, thisYear])
  expect({ disconnects: load.disconnects, hasClosed }).toEqual({ disconnects: 0, hasClosed: false })
  dashboard.terminate()

  const awake = connect(trestle.mqtt, { clientId: 'sleeper', clean: false })
  const { sessionPresent } = await new Promise<IConnackPacket>(resolve => awake.once('connect', resolve))
  await awake.endAsync()
  expect(sessionPresent).toBe(true)
  // A restart with what the wrong clock left.
  await story.restart()
  const report = await story.check()
  console.info(`clock jumps: ${JSON.stringify({ ...report, ledger: undefined })}`)
  expect(report).toMatchObject({ lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } })
  const kept = await story.trestle.get(`/api/history?device=old&field=seq&points=raw&from=${lastWeekMs}`)
  expect(kept).toMatchObject({ points: [{ value: 1 }] })
}, 300_000)
