/** Live clients hear that a device was forgotten, whichever way they came and wherever they were. */

import { expect, it } from 'vitest'
import { startLive } from './fixture.ts'
import type { LiveReading, PollAnswer, ReadingsFrame } from './protocol.ts'

const about = (device: string) => ({
  device,
  topic: '',
  values: { available: false },
  tags: { availableBy: 'forgotten' },
})

it('those who watch it, and no others; nobody who comes later has it in the snapshot', async () => {
  await using live = await startLive()
  for (const device of ['lamp', 'meter']) live.offer(device, { power: 1 })
  using watching = await live.client()
  using elsewhere = await live.client()
  using rated = await live.client()
  await watching.subscribe({ id: 1, devices: ['lam*'] })
  await elsewhere.subscribe({ id: 1, devices: ['meter'] })
  await rated.subscribe({ id: 1, maxHz: 20 })
  live.forget('lamp')
  live.offer('meter', { power: 2 })
  expect((await watching.next('readings')).readings).toMatchObject([about('lamp')])
  expect((await elsewhere.next('readings')).readings).toMatchObject([{ device: 'meter' }])
  // Whoever takes ten frames a second is told as well, in its place.
  const told: LiveReading[] = []
  while (told.length < 2) told.push(...(await rated.next('readings')).readings)
  expect(told).toMatchObject([about('lamp'), { device: 'meter', values: { power: 2 } }])
  using late = await live.client()
  await late.subscribe({ id: 1 })
  const snapshot = late.frames.find(frame => frame.op === 'snapshot')!
  expect(snapshot.readings.map(({ device }) => device)).toEqual(['meter'])
})

it('those who asked for some fields or topics of it: they show it, too', async () => {
  await using live = await startLive()
  live.offer('lamp', { power: 1 })
  using fields = await live.client()
  using topics = await live.client()
  await fields.subscribe({ id: 1, devices: ['lamp'], fields: ['power'] })
  await topics.subscribe({ id: 1, topics: ['home/hall/#'], maxHz: 1000 })
  live.forget('lamp')
  for (const client of [fields, topics])
    expect((await client.next('readings', ({ readings }) => readings.length > 0)).readings).toMatchObject([
      about('lamp'),
    ])
})

it('those who take few frames, beside what came of it since', async () => {
  await using live = await startLive()
  using rated = await live.client()
  await rated.subscribe({ id: 1, maxHz: 1 })
  live.offer('meter', { power: 1 })
  await rated.next('readings')
  // All within one frame.
  live.offer('lamp', { power: 1, color: 'red' })
  live.forget('lamp')
  live.offer('lamp', { power: 2 })
  live.miss('lamp')
  const { readings, skipped } = await rated.next('readings')
  expect(readings).toMatchObject([
    about('lamp'),
    { device: 'lamp', values: { power: 2 } },
    { device: 'lamp', tags: { availableBy: 'silence' } },
  ])
  expect(skipped).toBe(2)
})

it('those who were away, when they resume: by WebSocket, by events, by poll; what came of it since follows', async () => {
  await using live = await startLive()
  live.offer('lamp', { power: 1 })
  const { cursor } = live.relay
  using before = await live.client()
  await before.subscribe({ id: 1 })
  before.close()
  await before.closed
  live.forget('lamp')
  live.offer('lamp', { brightness: 3 })
  const expected = [about('lamp'), { device: 'lamp', values: { brightness: 3 } }]

  using back = await live.client()
  back.send({ op: 'subscribe', id: 1, resume: cursor })
  expect((await back.next('readings')).readings).toMatchObject(expected)
  const query = `cursor=${encodeURIComponent(cursor)}`
  const answer = (await (await fetch(`${live.url}/live/poll?${query}`)).json()) as PollAnswer
  expect(answer.frames).toMatchObject([{ op: 'readings', readings: expected }])
  expect(await firstReadings(`${live.url}/live/events?${query}`)).toMatchObject(expected)
})

/** Of an event stream. */
async function firstReadings(url: string): Promise<readonly LiveReading[]> {
  const abort = new AbortController()
  const { body } = await fetch(url, { signal: abort.signal })
  let text = ''
  for await (const part of body!.pipeThrough(new TextDecoderStream())) {
    text += part
    const [, frame] = /^event: readings\n(?:.*\n)*?data: (.*)\n/m.exec(text) ?? []
    if (frame === undefined) continue
    abort.abort()
    return (JSON.parse(frame) as ReadingsFrame).readings
  }
  throw new Error(`it ended: ${text}`)
}
