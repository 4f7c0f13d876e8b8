import { expect, test } from 'vitest'
import type { Connection } from './connection.ts'
import { EPOCH, Feed, turn } from './fixture.ts'
import type { ClientFrame, ServerFrame } from './protocol.ts'
import { Relay } from './relay.ts'

/** A client over nothing, which takes everything at once. */
function connect(relay: Relay): {
  connection: Connection
  frames: ServerFrame[]
  send: (frame: ClientFrame) => void
} {
  const frames: ServerFrame[] = []
  const connection = relay.connect(
    {
      send: frame => frames.push(JSON.parse(frame.bytes.toString())),
      bufferedBytes: 0,
      close: () => undefined,
    },
    { address: '127.0.0.1', principal: { name: 'x', role: 'viewer' } },
  )
  return { connection, frames, send: frame => connection.receive(JSON.stringify(frame)) }
}

test('a subscription that is dropped while others catch up gets nothing any more', async () => {
  const feed = new Feed()
  const relay = new Relay({
    node: 'n',
    epoch: EPOCH,
    lastReadings: feed.lastReadings,
    pace: { tickMs: 10_000, immediatePerSecond: 0 },
  })
  const offer = () => relay.offer({ epoch: EPOCH, readings: [feed.reading('a', { text: 'x'.repeat(2000) })] })
  const watcher = connect(relay)
  watcher.send({ op: 'subscribe', id: 0, snapshot: false })
  for (let i = 0; i < 4000; i++) offer()
  relay.readings.flush()
  for (let i = 0; i < 3; i++) offer()
  const { flushed } = relay.readings
  expect(flushed).toBe(relay.head - 3)

  const client = connect(relay)
  client.send({ op: 'subscribe', id: 'long', resume: `${EPOCH}.0`, fields: ['none'] })
  // Handled when the long way back is done, within the turn in which it is done.
  client.send({ op: 'subscribe', id: 'dropped', snapshot: false })
  client.send({ op: 'subscribe', id: 'quick', resume: `${EPOCH}.${flushed}` })
  client.send({ op: 'unsubscribe', id: 'dropped' })
  client.send({ op: 'ping' })
  while (!client.frames.some(({ op }) => op === 'pong')) await turn()
  offer()
  relay.readings.flush()
  await turn()
  const ofDropped = client.frames.filter(frame => 'id' in frame && frame.id === 'dropped')
  expect(ofDropped.map(({ op }) => op)).toEqual(['result', 'result'])
  expect(client.frames.at(-1)).toMatchObject({ op: 'readings', id: 'quick' })
  await relay.close()
})

test('what is offered while nobody is here costs next to nothing, and is there for whoever was here', async () => {
  const feed = new Feed()
  const ring = { entries: 1000, maxBytes: 1e6 }
  const relay = new Relay({ node: 'n', epoch: EPOCH, lastReadings: () => [], ring })
  const offer = (count: number) => {
    for (let i = 0; i < count; i++) relay.offer({ epoch: EPOCH, readings: [feed.reading('a', { x: i })] })
  }
  offer(5000)
  expect(relay.readings.ringBytes).toBe(0)
  const first = connect(relay)
  first.connection.ended()
  offer(1000)
  const second = connect(relay)
  second.send({ op: 'subscribe', id: 1, resume: `${EPOCH}.5000` })
  // A long way back is gone in slices of a turn.
  const caughtUp = () => second.frames.flatMap(frame => (frame.op === 'readings' ? frame.readings : []))
  while (caughtUp().length < 1000) await turn()
  expect(caughtUp()).toHaveLength(1000)
  second.connection.ended()
  offer(1001)
  expect(relay.readings.ringBytes).toBe(0)
  const third = connect(relay)
  third.send({ op: 'subscribe', id: 1, resume: `${EPOCH}.6000` })
  expect(third.frames).toMatchObject([
    { op: 'hello' },
    { op: 'result' },
    { op: 'gap', from: 6001, to: 7001 },
    {},
  ])
  await relay.close()
})
