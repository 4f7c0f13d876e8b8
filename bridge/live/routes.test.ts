import { get } from 'node:http'
import { expect, test } from 'vitest'
import { type Live, startLive } from './fixture.ts'
import type { PollAnswer, ServerFrame } from './protocol.ts'
import { serverFrame } from './schema.ts'

interface Event {
  readonly event: string
  readonly id: string | null
  readonly frame: ServerFrame
}

/** Reads events until there are `count`, then hangs up. */
async function events(
  live: Live,
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<Event[]> {
  const abort = new AbortController()
  const response = await fetch(live.url + path, { headers, signal: abort.signal })
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  const events: Event[] = []
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const of = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null
      const data = of('data')
      if (data)
        events.push({
          event: of('event')!,
          id: of('id'),
          frame: serverFrame.parse(JSON.parse(data)) as ServerFrame,
        })
    }
    if (events.length >= count) break
  }
  abort.abort()
  return events
}

async function poll(live: Live, query: string): Promise<PollAnswer> {
  const response = await fetch(`${live.url}/live/poll${query}`)
  expect(response.status).toBe(200)
  const answer = (await response.json()) as PollAnswer
  for (const frame of answer.frames) serverFrame.parse(frame)
  return answer
}

test('events: hello, snapshot, then what comes; ids resume', async () => {
  await using live = await startLive()
  live.offer('a', { x: 1 })
  const first = events(live, '/live/events?devices=a,b&fields=x', 3)
  while (live.relay.stats.subscriptions === 0) await new Promise(resolve => setTimeout(resolve, 5))
  live.offer('c', { x: 2 })
  live.offer('b', { x: 3, y: 3 })
  const [hello, snapshot, readings] = (await first) as [Event, Event, Event]
  expect(hello).toMatchObject({ event: 'hello', id: null })
  expect(snapshot).toMatchObject({
    event: 'snapshot',
    id: 'epoch-1.1',
    frame: { id: 1, readings: [{ values: { x: 1 } }] },
  })
  expect(readings).toMatchObject({
    event: 'readings',
    id: 'epoch-1.3',
    frame: { readings: [{ values: { x: 3 } }] },
  })

  live.offer('a', { x: 4 })
  const resumed = await events(live, '/live/events?devices=a,b', 2, { 'Last-Event-ID': 'epoch-1.3' })
  expect(resumed.map(({ event }) => event)).toEqual(['hello', 'readings'])
  expect(resumed[1]!.frame).toMatchObject({ seq: 4, readings: [{ values: { x: 4 } }] })
  const lost = await events(live, '/live/events', 3, { 'Last-Event-ID': 'epoch-0.3' })
  expect(lost.map(({ event }) => event)).toEqual(['hello', 'gap', 'snapshot'])
  while (live.relay.stats.connections > 0) await new Promise(resolve => setTimeout(resolve, 5))
})

test('events: messages too', async () => {
  await using live = await startLive()
  const both = events(live, '/live/events?stream=messages&topics=home/%23', 2)
  while (!live.relay.wantsMessages) await new Promise(resolve => setTimeout(resolve, 5))
  const message = {
    topic: 'home/a',
    payload: Buffer.from('1'),
    qos: 0,
    retain: false,
    dup: false,
    packetId: null,
    client: null,
  } as const
  live.relay.offerMessage({ message, receivedUs: 1e15, result: 'stored' })
  expect((await both)[1]!.frame).toMatchObject({
    op: 'messages',
    messages: [{ topic: 'home/a', payload: '1' }],
  })
})

test('events: one that takes nothing is conflated and closed like any other', async () => {
  await using live = await startLive({ limits: { maxStallMs: 1500 } })
  get(`${live.url}/live/events?snapshot=false`, response => response.pause()).on('error', () => undefined)
  while (live.relay.stats.subscriptions === 0) await new Promise(resolve => setTimeout(resolve, 5))
  const text = 'x'.repeat(1000)
  for (let i = 0; i < 10_000; i++) {
    live.offer('a', { text })
    if (i % 250 === 0) await new Promise(resolve => setTimeout(resolve, 1))
  }
  while (live.relay.stats.closed.tooSlow === 0) await new Promise(resolve => setTimeout(resolve, 20))
  expect(live.relay.stats.bytes).toBeLessThan(9e6)
})

test('poll: the snapshot at once, then what was missed, or what comes', async () => {
  await using live = await startLive()
  live.offer('a', { x: 1 })
  const first = await poll(live, '')
  expect(first.hello).toMatchObject({ op: 'hello', node: 'node-1' })
  expect(first.frames).toMatchObject([{ op: 'snapshot', seq: 1, readings: [{ values: { x: 1 } }] }])
  live.offer('b', { x: 2 })
  live.offer('a', { x: 3 })
  const second = await poll(live, `?devices=a&cursor=${first.cursor}`)
  expect(second.frames).toMatchObject([{ op: 'readings', seq: 3, readings: [{ values: { x: 3 } }] }])
  const third = poll(live, `?devices=a&cursor=${second.cursor}`)
  while (live.relay.stats.subscriptions === 0) await new Promise(resolve => setTimeout(resolve, 5))
  live.offer('b', { x: 4 })
  live.offer('a', { x: 5 })
  expect((await third).frames).toMatchObject([{ op: 'readings', readings: [{ values: { x: 5 } }] }])
  expect((await poll(live, '?cursor=nonsense')).frames.map(({ op }) => op)).toEqual(['gap', 'snapshot'])
  expect(live.relay.stats.connections).toBe(0)
})

test('poll: a long way back comes in several answers, without a hole', async () => {
  await using live = await startLive()
  const { cursor } = await poll(live, '')
  for (let i = 0; i < 2000; i++) live.offer('a', { x: i, text: 'x'.repeat(300) })
  const seen: unknown[] = []
  for (let at = cursor; seen.length < 2000; ) {
    const answer = await poll(live, `?cursor=${at}&fields=x`)
    for (const frame of answer.frames)
      if (frame.op === 'readings') seen.push(...frame.readings.map(({ values }) => values.x))
    at = answer.cursor
  }
  expect(seen).toEqual(Array.from({ length: 2000 }, (_, i) => i))
})

test('poll: a rate is kept by answering later, with the newest', async () => {
  await using live = await startLive()
  const { cursor } = await poll(live, '')
  for (let i = 0; i < 100; i++) live.offer('a', { x: i })
  const startMs = performance.now()
  const { frames } = await poll(live, `?maxHz=5&cursor=${cursor}`)
  expect(performance.now() - startMs).toBeGreaterThan(190)
  expect(frames).toMatchObject([{ op: 'readings', seq: 100, skipped: 99, readings: [{ values: { x: 99 } }] }])
})

test('poll: when the relay closes, what waits is answered', async () => {
  await using live = await startLive()
  const { cursor } = await poll(live, '')
  const waiting = poll(live, `?cursor=${cursor}`)
  while (live.relay.stats.subscriptions === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await live.relay.close()
  expect(await waiting).toMatchObject({ cursor, frames: [] })
})

test('refusals are problems with a code', async () => {
  await using live = await startLive({
    authenticate: ({ token }) => (token === 'secret' ? { name: 'x', role: 'viewer' } : null),
    limits: { maxConnections: 1 },
  })
  const ask = async (path: string, headers: Record<string, string> = { authorization: 'Bearer secret' }) => {
    const response = await fetch(live.url + path, { headers })
    return [response.status, ((await response.json()) as { code: string }).code]
  }
  expect(await ask('/live/events', {})).toEqual([401, 'not-authorised'])
  expect(await ask('/live/poll?token=secret', {})).toEqual([401, 'not-authorised'])
  expect(await ask('/live/poll', { origin: 'https://example.org' })).toEqual([403, 'foreign-origin'])
  expect(await ask('/live/poll?topics=a%23')).toEqual([400, 'bad-filter'])
  expect(await ask('/live/events?maxHz=often')).toEqual([400, 'bad-filter'])
  expect(await ask('/live/poll?stream=messages')).toEqual([400, 'not-available'])
  using client = await live.client()
  expect(client.frames).toEqual([])
  const full = await fetch(`${live.url}/live/poll`, { headers: { authorization: 'Bearer secret' } })
  expect([full.status, full.headers.get('retry-after')]).toEqual([503, '30'])
})

test('the schema is served, and says what frames look like', async () => {
  await using live = await startLive()
  const schema = (await (await fetch(`${live.url}/live/schema.json`)).json()) as {
    $defs: Record<string, object>
  }
  expect(Object.keys(schema.$defs)).toEqual(['clientFrame', 'serverFrame'])
  expect(JSON.stringify(schema)).toContain('"const":"subscribe"')
})
