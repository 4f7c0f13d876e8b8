import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { Principal } from './access.ts'
import { rawClient, startLive, TestClient, turn } from './fixture.ts'
import { type ClientFrame, LIVE_PROTOCOL } from './protocol.ts'

const ops = (frames: readonly { op: string }[]) => frames.map(frame => frame.op)

test('begins with a hello that says where the stream stands', async () => {
  await using live = await startLive()
  live.offer('a', { x: 1 })
  using client = await live.client()
  expect(await client.next('hello')).toMatchObject({ protocol: LIVE_PROTOCOL, node: 'node-1', seq: 1 })
})

test('a subscription gets its result, a snapshot of the last values, then what comes', async () => {
  await using live = await startLive()
  live.offer('a', { x: 1, y: 1 })
  live.offer('a', { x: 2 })
  live.offer('a', { x: 0 }, 1_700_000_000_000_000) // late: does not turn the last value back
  using client = await live.client()
  await client.next('hello')
  const absent = { devices: null, maxHz: null, resume: null } as object
  const frames = await client.subscribe({ id: 1, ...absent })
  expect(ops(frames)).toEqual(['result', 'snapshot'])
  const { readings, seq } = frames[1] as Extract<(typeof frames)[1], { op: 'snapshot' }>
  expect(seq).toBe(3)
  expect(Object.assign({}, ...readings.map(({ values }) => values))).toEqual({ x: 2, y: 1 })
  live.offer('a', { x: 3 })
  const { readings: next, skipped, ...rest } = await client.next('readings')
  expect(next).toMatchObject([
    { device: 'a', topic: 'home/hall/a', values: { x: 3 }, tags: { room: 'hall' } },
  ])
  expect([rest.seq, skipped]).toEqual([4, 0])
})

test('filters: devices, fields and topics; a field that does not match is left out', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.subscribe({
    id: 'f',
    devices: ['kitchen-*'],
    fields: ['temp*'],
    topics: ['home/+/#'],
    snapshot: false,
  })
  live.offer('kitchen-1', { temperature: 1, humidity: 2 })
  live.offer('hall-1', { temperature: 1 })
  live.offer('kitchen-2', { humidity: 2 })
  live.offer('kitchen-3', { temp: 3 })
  const { readings, seq } = await client.next('readings')
  expect(readings.map(({ device, values }) => [device, values])).toEqual([
    ['kitchen-1', { temperature: 1 }],
    ['kitchen-3', { temp: 3 }],
  ])
  expect(seq).toBe(4)
})

test('subscriptions are independent, and nothing follows the result of an unsubscribe', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.subscribe({ id: 1, snapshot: false })
  await client.subscribe({ id: 2, snapshot: false })
  live.offer('a', { x: 1 })
  const first = [await client.next('readings'), await client.next('readings')]
  expect(first.map(({ id, readings }) => [id, readings.length]).sort()).toEqual([
    [1, 1],
    [2, 1],
  ])
  live.offer('a', { x: 2 })
  client.send({ op: 'unsubscribe', id: 1 })
  await client.next('result')
  live.offer('a', { x: 3 })
  await client.next('readings', frame => frame.seq === 3)
  const after = client.frames.slice(client.frames.findLastIndex(frame => frame.op === 'result') + 1)
  expect(after.every(frame => 'id' in frame && frame.id === 2)).toBe(true)
  expect(live.relay.stats.subscriptions).toBe(1)
})

test('resume: what was missed, in order, before anything that was asked for after it', async () => {
  await using live = await startLive()
  using first = await live.client()
  await first.subscribe({ id: 1, snapshot: false, devices: ['a*'] })
  live.offer('a1', { x: 0 })
  const { cursor } = await first.next('readings')
  first.close()
  for (let i = 1; i <= 3000; i++) live.offer(i % 3 === 0 ? 'b' : `a${i % 2}`, { x: i, text: 'x'.repeat(200) })
  using client = await live.client()
  await client.next('hello')
  const frames = await client.subscribe({ id: 9, devices: ['a*'], fields: ['x'], resume: cursor })
  expect(frames[0]).toMatchObject({ op: 'result', id: 9 })
  const readings = frames.flatMap(frame => (frame.op === 'readings' ? frame.readings : []))
  const wanted = Array.from({ length: 3000 }, (_, i) => i + 1).filter(i => i % 3 !== 0)
  expect(readings.map(({ values }) => values)).toEqual(wanted.map(x => ({ x })))
  live.offer('a1', { x: -1 })
  expect((await client.next('readings')).readings).toMatchObject([{ values: { x: -1 } }])
})

test.each([
  ['of another epoch', 'epoch-0.1'],
  ['not understood', 'what?'],
  ['of the future', 'epoch-1.99'],
  ['negative', 'epoch-1.-1'],
  ['not a number', 'epoch-1.NaN'],
])('a cursor %s: gap, snapshot, live', async (_, cursor) => {
  await using live = await startLive()
  live.offer('a', { x: 1 })
  using client = await live.client()
  await client.next('hello')
  const frames = await client.subscribe({ id: 1, resume: cursor })
  expect(ops(frames)).toEqual(['result', 'gap', 'snapshot'])
  expect(frames[1]).toEqual({ op: 'gap', id: 1, from: null, to: 1, reason: 'restarted' })
  live.offer('a', { x: 2 })
  expect(await client.next('readings')).toMatchObject({ seq: 2, readings: [{ values: { x: 2 } }] })
})

test('a cursor that is too old: the gap says from where to where', async () => {
  await using live = await startLive({ ring: { entries: 16, maxBytes: 1e6 } })
  using watcher = await live.client()
  await watcher.next('hello')
  for (let i = 1; i <= 100; i++) live.offer('a', { x: i })
  using client = await live.client()
  await client.next('hello')
  const frames = await client.subscribe({ id: 1, resume: 'epoch-1.10' })
  expect(frames[1]).toEqual({ op: 'gap', id: 1, from: 11, to: 100, reason: 'too-old' })
  expect(frames[2]).toMatchObject({ op: 'snapshot', seq: 100, readings: [{ values: { x: 100 } }] })
})

test('the ring holds two minutes at 1,000 readings a second', { timeout: 30_000 }, async () => {
  await using live = await startLive()
  using first = await live.client()
  const { cursor } = await first.next('hello')
  first.close()
  for (let i = 0; i < 120_000; i++)
    live.offer(`sensor-${i % 100}`, { temperature: i, humidity: 40, battery: 90 })
  expect(live.relay.readings.ringBytes).toBeLessThan(32e6)
  using client = await live.client()
  const frames = await client.subscribe({ id: 1, resume: cursor })
  expect(ops(frames)).not.toContain('gap')
  const received = frames.flatMap(frame => (frame.op === 'readings' ? frame.readings : []))
  expect(received.map(({ values }) => values.temperature)).toEqual(
    Array.from({ length: 120_000 }, (_, i) => i),
  )
})

test('a new epoch while connected: everybody gets a gap and a snapshot', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.subscribe({ id: 1, snapshot: false })
  live.offer('a', { x: 1 })
  await client.next('readings')
  live.feed.epoch = 'epoch-2'
  live.feed.seq = 0
  live.offer('a', { x: 2 })
  expect(await client.next('gap')).toMatchObject({ from: null, to: 1, reason: 'restarted' })
  expect(await client.next('snapshot')).toMatchObject({
    cursor: 'epoch-2.1',
    readings: [{ values: { x: 2 } }],
  })
  live.feed.seq = 9
  live.offer('a', { x: 3 })
  expect(await client.next('gap')).toMatchObject({ from: 2, to: 10, reason: 'node-lost' })
})

test('maxHz: so many frames at the most, with the newest values, and the rest counted', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.subscribe({ id: 1, maxHz: 10, snapshot: false })
  const startMs = performance.now()
  let sent = 0
  while (performance.now() - startMs < 500) {
    live.offer('a', { x: ++sent })
    live.offer('b', { y: sent })
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  await client.next('readings', frame => frame.seq === 2 * sent)
  const frames = client.frames.filter(frame => frame.op === 'readings')
  expect(frames.length).toBeLessThanOrEqual(7)
  const values = frames.flatMap(({ readings }) => readings.map(reading => reading.values))
  expect(values.slice(-2)).toEqual([{ x: sent }, { y: sent }])
  const skipped = frames.reduce((sum, frame) => sum + frame.skipped, 0)
  expect(values.length + skipped).toBe(2 * sent)
})

test('a subscription to which nothing matches hears how far the stream has moved', async () => {
  await using live = await startLive({ limits: { refreshMs: 2500 } })
  using client = await live.client()
  await client.subscribe({ id: 1, devices: ['nobody'], snapshot: false })
  await client.subscribe({ id: 2, devices: ['nobody'], maxHz: 1, snapshot: false })
  live.offer('a', { x: 1 })
  const both = [await client.next('readings'), await client.next('readings')]
  expect(both.map(({ id, seq, readings }) => [id, seq, readings]).sort()).toEqual([
    [1, 1, []],
    [2, 1, []],
  ])
})

test('what cannot be done is refused by a code, with the id it was asked under', async () => {
  await using live = await startLive({ limits: { maxSubscriptions: 1 } })
  using client = await live.client()
  await client.subscribe({ id: 1 })
  client.socket.send('not json')
  client.socket.send('{"op":"dance","id":3}')
  client.socket.send('[]')
  client.socket.send('null')
  client.send(
    { op: 'subscribe', id: 1 },
    { op: 'subscribe', id: 2 },
    { op: 'subscribe', id: 3, topics: ['a#'] },
    { op: 'subscribe', id: 4, maxHz: -1 },
    { op: 'subscribe', id: 5, devices: [] },
    { op: 'unsubscribe', id: 6 },
    { op: 'command', id: 7, device: 'a', payload: 1 },
    { op: 'command', id: 8, device: 'a' } as unknown as ClientFrame,
  )
  const errors = (await client.settle()).filter(frame => frame.op === 'error')
  await turn()
  const late = client.frames.filter(frame => frame.op === 'error').slice(errors.length)
  expect([...errors, ...late].map(({ id, code }) => [id, code])).toEqual([
    [undefined, 'bad-frame'],
    [3, 'bad-frame'],
    [undefined, 'bad-frame'],
    [undefined, 'bad-frame'],
    [1, 'id-in-use'],
    [2, 'too-many-subscriptions'],
    [3, 'bad-filter'],
    [4, 'bad-filter'],
    [5, 'bad-filter'],
    [6, 'unknown-id'],
    [8, 'bad-frame'],
    [7, 'not-available'],
  ])
})

test('commands go to whoever sends them, and their results come back', async () => {
  const sent: unknown[] = []
  await using live = await startLive({
    limits: { commandTimeoutMs: 50 },
    sendCommand: async command => {
      sent.push(command)
      if (command.device === 'gone') return { ok: false, code: 'unknown-device', message: 'no such device' }
      if (command.device === 'broken') throw new Error('secret')
      if (command.device === 'slow') await new Promise(() => undefined)
      return { ok: true, result: 'delivered' }
    },
  })
  using client = await live.client()
  for (const [id, device] of ['lamp', 'gone', 'broken', 'slow'].entries()) {
    client.send({ op: 'command', id, device, payload: { on: true } })
  }
  expect(await client.next('result')).toEqual({ op: 'result', id: 0, ok: true, result: 'delivered' })
  expect(await client.next('error')).toMatchObject({ id: 1, code: 'unknown-device' })
  expect(await client.next('error')).toMatchObject({
    id: 2,
    code: 'internal',
    message: expect.not.stringMatching('secret'),
  })
  expect(await client.next('result')).toMatchObject({ id: 3, result: 'timeout' })
  expect(sent[0]).toMatchObject({
    id: '1:0',
    device: 'lamp',
    payload: { on: true },
    qos: 1,
    principal: { name: 'anyone' },
  })
})

test('messages are for those who asked, by topic; text as text, other bytes as base64', async () => {
  await using live = await startLive()
  const { relay } = live
  expect(relay.wantsMessages).toBe(false)
  using client = await live.client()
  await client.subscribe({ id: 'm', stream: 'messages', topics: ['home/#'] })
  expect(relay.wantsMessages).toBe(true)
  const message = { qos: 1, retain: false, dup: false, packetId: 1, client: 'c' } as const
  const offer = (topic: string, payload: Uint8Array) =>
    relay.offerMessage({ message: { ...message, topic, payload }, receivedUs: 1.7e15 + 1, result: 'stored' })
  offer('home/a', Buffer.from('21.5 °C'))
  offer('office/a', Buffer.from('no'))
  offer('home/b', Buffer.from([0xff, 0]))
  offer('home/c', Buffer.alloc(20_000, 'x'))
  const { messages, skipped } = await client.next('messages')
  expect(skipped).toBe(0)
  const common = { qos: 1, retain: false, time: 1_700_000_000_000.001, client: 'c', result: 'stored' }
  expect(messages.slice(0, 2)).toEqual([
    { topic: 'home/a', payload: '21.5 °C', ...common },
    { topic: 'home/b', payloadBase64: '/wA=', ...common },
  ])
  expect(messages[2]).toMatchObject({ topic: 'home/c', cutFrom: 20_000 })
  client.send({ op: 'unsubscribe', id: 'm' })
  await client.settle()
  expect(relay.wantsMessages).toBe(false)
})

test('messages at a rate: the newest, within bounds, and the rest counted', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.subscribe({ id: 'm', stream: 'messages', maxHz: 1 })
  const message = { qos: 1, retain: false, dup: false, packetId: 1, client: 'c' } as const
  const offer = (n: number) =>
    live.relay.offerMessage({
      message: { ...message, topic: `t/${n}`, payload: Buffer.alloc(10_000, 'x') },
      receivedUs: 1.7e15,
      result: 'stored',
    })
  offer(0)
  expect((await client.next('messages')).messages).toHaveLength(1)
  for (let n = 1; n <= 1000; n++) offer(n)
  const { messages, skipped } = await client.next('messages')
  expect(messages.at(-1)!.topic).toBe('t/1000')
  expect(messages.length).toBeGreaterThan(20)
  expect(messages.length).toBeLessThan(30)
  expect(messages.length + skipped).toBe(1000)
})

const operator: Principal = { name: 'olga', role: 'operator' }
const viewer: Principal = { name: 'vera', role: 'viewer' }
const authenticate = async ({
  cookie,
  token,
}: {
  cookie?: string | undefined
  token?: string | undefined
}) => {
  if (token === 'short') return { ...operator, expiresAtMs: Date.now() + 200 }
  return token === 'olga' ? operator : cookie === 'session=vera' ? viewer : null
}

test('where access is restricted: a cookie, or a token in the first frame, or 4401', async () => {
  await using live = await startLive({ authenticate, limits: { authTimeoutMs: 100 } })
  const url = `ws://127.0.0.1:${live.port}/live`
  using byToken = await live.client()
  byToken.send({ op: 'auth', token: 'olga' }, { op: 'subscribe', id: 1 })
  await byToken.next('hello')
  await byToken.next('snapshot')

  using byCookie = await TestClient.connect(url, [], { cookie: 'session=vera' })
  await byCookie.next('hello')
  byCookie.send({ op: 'command', id: 1, device: 'a', payload: 1 })
  expect(await byCookie.next('error')).toMatchObject({ id: 1, code: 'forbidden' })

  for (const frame of [{ op: 'auth', token: 'wrong' }, { op: 'subscribe', id: 1 }, { op: 'ping' }] as const) {
    const stranger = await live.client()
    stranger.send(frame)
    expect((await stranger.closed).code).toBe(4401)
    expect(stranger.frames).toEqual([])
  }
  const silent = await live.client()
  expect((await silent.closed).code).toBe(4408)

  live.relay.closeWhere(({ name }) => name === 'vera')
  expect((await byCookie.closed).code).toBe(4401)
  const brief = await live.client()
  brief.send({ op: 'auth', token: 'short' })
  expect((await brief.closed).code).toBe(4401)
  expect(byToken.socket.readyState).toBe(byToken.socket.OPEN)
})

test('pages of other hosts are not let in, nor other protocols; other paths are left to others', async () => {
  await using live = await startLive()
  const url = `ws://127.0.0.1:${live.port}/live`
  for (const origin of [
    'null',
    'https://example.org',
    `http://127.0.0.1:${live.port}.evil`,
    'http://127.0.0.1',
  ]) {
    await expect(TestClient.connect(url, [], { origin })).rejects.toThrow('403')
  }
  await expect(TestClient.connect(url, ['mqtt'])).rejects.toThrow('400')
  using named = await TestClient.connect(url, ['x', LIVE_PROTOCOL], {
    origin: `http://127.0.0.1:${live.port}`,
  })
  expect(named.socket.protocol).toBe(LIVE_PROTOCOL)
})

test('limits: connections, size of a message, their rate', async () => {
  const addresses = ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.2']
  await using live = await startLive({
    limits: { maxPerAddress: 2, messagesPerSecond: 10 },
    addressOf: () => addresses.shift() ?? '127.0.0.1',
  })
  using fast = await live.client()
  using big = await live.client()
  const third = await live.client()
  expect((await third.closed).code).toBe(1013)
  using other = await live.client()
  await other.next('hello')
  big.send({ op: 'command', id: 1, device: 'a', payload: 'x'.repeat(70_000) })
  expect((await big.closed).code).toBe(4413)
  for (let i = 0; i < 100; i++) fast.send({ op: 'ping' })
  expect((await fast.closed).code).toBe(4429)
  using loopback = await live.client()
  for (let i = 0; i < 1000; i++) loopback.send({ op: 'ping' })
  await loopback.settle()
  expect(live.relay.stats).toMatchObject({
    refused: { full: 1 },
    closed: { full: 1, tooBig: 1, tooFast: 1 },
  })
})

test('a peer that answers no ping is gone; one that does stays', async () => {
  await using live = await startLive({ pingMs: 50, deadMs: 200 })
  const dead = await rawClient(live.port, { op: 'subscribe', id: 1 }) // knows nothing of pings
  dead.resume()
  using alive = await live.client()
  await new Promise(resolve => dead.once('close', resolve))
  await alive.settle()
  expect(live.relay.stats).toMatchObject({ connections: 1, closed: { dead: 1 } })
})

test('at shutdown everyone is told to come back: 1012', async () => {
  const live = await startLive()
  const clients = await Promise.all(Array.from({ length: 5 }, () => live.client()))
  await clients[0]!.subscribe({ id: 1, snapshot: false })
  live.offer('a', { x: 1 })
  await live.close()
  for (const client of clients) expect((await client.closed).code).toBe(1012)
  await clients[0]!.next('readings')
  await expect(
    new Promise((_, reject) => connect(live.port, '127.0.0.1').on('error', reject)),
  ).rejects.toThrow()
})
