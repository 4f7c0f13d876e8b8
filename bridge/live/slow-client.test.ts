import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Live, rawClient, startLive } from './fixture.ts'
import type { LiveReading, ServerFrame } from './protocol.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A client that has subscribed and then takes nothing. */
async function frozenClient(live: Live): Promise<Socket> {
  const socket = await rawClient(live.port, { op: 'subscribe', id: 1, snapshot: false })
  sockets.push(socket)
  socket.pause()
  return socket
}

/** Fills what the kernel buffers for a frozen client, and more. */
async function flood(live: Live, megabytes: number, devices = 10): Promise<void> {
  const text = 'x'.repeat(1000)
  for (let i = 0; i < megabytes * 1000; i++) {
    live.offer(`device-${i % devices}`, { x: live.feed.seq + 1, text })
    if (i % 250 === 249) await new Promise(resolve => setTimeout(resolve, 1))
  }
}

/** The frames that a thawed client gets, until one whose seq is `upTo`. */
function thaw(socket: Socket, upTo: number): Promise<ServerFrame[]> {
  const frames: ServerFrame[] = []
  let rest = Buffer.alloc(0)
  return new Promise(resolve => {
    socket.on('data', chunk => {
      rest = Buffer.concat([rest, chunk])
      for (;;) {
        const length = rest.length < 10 ? 127 : rest[1]! & 127
        const head = length < 126 ? 2 : length === 126 ? 4 : 10
        if (rest.length < head) return
        const size =
          length < 126 ? length : length === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
        if (rest.length < head + size) return
        if (rest[0] === 0x81) frames.push(JSON.parse(rest.subarray(head, head + size).toString()))
        rest = rest.subarray(head + size)
        const last = frames.at(-1)
        if (last && 'seq' in last && last.seq >= upTo) resolve(frames)
      }
    })
    socket.resume()
  })
}

const xOf = ({ values }: LiveReading) => values.x as number

test('100 frozen clients: no memory of theirs grows, and a healthy one notices nothing', {
  timeout: 60_000,
}, async () => {
  await using live = await startLive({ limits: { maxStallMs: 60_000 } })
  using healthy = await live.client()
  await healthy.subscribe({ id: 1, snapshot: false, fields: ['x'] })
  for (let i = 0; i < 100; i++) await frozenClient(live)
  await flood(live, 6)
  const before = process.memoryUsage()
  await flood(live, 6)
  const after = process.memoryUsage()
  // The ring grows by what it keeps, one megabyte each; the clients by nothing.
  const grown = after.external + after.heapUsed - before.external - before.heapUsed
  expect(grown).toBeLessThan(25e6)
  await healthy.next('readings', frame => frame.seq === live.feed.seq)
  const seen = healthy.frames.flatMap(frame => (frame.op === 'readings' ? frame.readings.map(xOf) : []))
  expect(seen).toEqual(Array.from({ length: live.feed.seq }, (_, i) => i + 1))
})

test('a slow client gets the newest values when it comes back, and is told how many it did not get', async () => {
  await using live = await startLive({ limits: { maxSlowBytes: 100e6 } })
  const slow = await frozenClient(live)
  await flood(live, 8)
  const frames = await thaw(slow, live.feed.seq)
  expect(frames.map(({ op }) => op)).not.toContain('gap')
  let at = 0
  let values = 0
  for (const frame of frames) {
    if (frame.op !== 'readings') continue
    values += frame.skipped + frame.readings.reduce((sum, { values }) => sum + Object.keys(values).length, 0)
    for (const reading of frame.readings) {
      expect(xOf(reading)).toBeGreaterThan(at)
      at = xOf(reading)
    }
    expect(frame.seq).toBe(at)
  }
  expect(values).toBe(2 * live.feed.seq)
  expect(live.relay.stats.skipped).toBeGreaterThan(0)
})

test('one that is too far back gets a gap and a snapshot, without a hole between them and what it had', async () => {
  await using live = await startLive({ limits: { maxSlowBytes: 500_000 } })
  const slow = await frozenClient(live)
  await flood(live, 9)
  const frames = await thaw(slow, live.feed.seq)
  const i = frames.findIndex(({ op }) => op === 'gap')
  const [had, gap, snapshot] = frames.slice(i - 1) as [ServerFrame, ServerFrame, ServerFrame]
  if (had.op !== 'readings' || gap.op !== 'gap' || snapshot.op !== 'snapshot')
    throw new Error('not what was expected')
  expect(gap).toMatchObject({ from: had.seq + 1, reason: 'slow-client' })
  expect(snapshot.seq).toBe(gap.to)
  expect(snapshot.readings).toHaveLength(10)
  expect(live.relay.stats.gaps).toBe(1)
})

test('a slow client hears that a device was forgotten, in its place, though it came back and fell silent since', async () => {
  await using live = await startLive({ limits: { maxSlowBytes: 100e6 } })
  const slow = await frozenClient(live)
  live.offer('lamp', { x: 1, old: 1 })
  await flood(live, 6)
  live.forget('lamp')
  live.offer('lamp', { x: 2 })
  live.miss('lamp')
  await flood(live, 1)
  const told = (await thaw(slow, live.feed.seq))
    .flatMap(frame => (frame.op === 'readings' ? frame.readings : []))
    .filter(({ device }) => device === 'lamp')
  const gone = told.findIndex(({ tags }) => tags.availableBy === 'forgotten')
  expect(told.slice(gone)).toMatchObject([
    { values: { available: false }, tags: { availableBy: 'forgotten' } },
    { values: { x: 2 } },
    { values: { available: false }, tags: { availableBy: 'silence' } },
  ])
  expect(gone).toBeGreaterThanOrEqual(0)
})

test('one that is too far back does not get the reading that forgot a device: the snapshot is without it', async () => {
  await using live = await startLive({ limits: { maxSlowBytes: 500_000 } })
  live.offer('lamp', { x: 1 })
  const slow = await frozenClient(live)
  await flood(live, 6)
  live.forget('lamp')
  await flood(live, 3)
  const frames = await thaw(slow, live.feed.seq)
  const after = frames.slice(frames.findIndex(({ op }) => op === 'gap'))
  expect(after.map(({ op }) => op)).toEqual(['gap', 'snapshot', ...after.slice(2).map(() => 'readings')])
  expect(JSON.stringify(after)).not.toContain('lamp')
})

test('one that takes nothing for too long is closed: 4410', async () => {
  await using live = await startLive({ limits: { maxStallMs: 1500 } })
  const slow = await frozenClient(live)
  await flood(live, 6)
  while (live.relay.stats.closed.tooSlow === 0) await new Promise(resolve => setTimeout(resolve, 50))
  const code = Buffer.from([4410 >> 8, 4410 & 255])
  await new Promise<void>(resolve => {
    slow.on('data', chunk => {
      if (chunk.subarray(-100).includes(code)) resolve()
    })
    slow.resume()
  })
  expect(live.relay.stats.connections).toBe(0)
})

test('results and errors are not conflated: a slow client gets each, when it takes them', async () => {
  await using live = await startLive()
  const socket = await frozenClient(live)
  await flood(live, 6)
  for (let id = 10; id < 40; id++) {
    const payload = Buffer.from(JSON.stringify({ op: 'unsubscribe', id }))
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]))
  }
  const frames = await thaw(socket, live.feed.seq)
  await new Promise(resolve => setTimeout(resolve, 200))
  const errors = frames.filter(frame => frame.op === 'error')
  expect(errors.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, i) => i + 10))
})
