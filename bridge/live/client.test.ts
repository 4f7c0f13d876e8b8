import { createServer } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  connect as tcpConnect,
} from 'node:net'
import { expect, test } from 'vitest'
import { isFinal, retryDelayMs } from './backoff.ts'
import {
  connectLive,
  type LiveClient,
  type LiveClientOptions,
  type LiveState,
  type LiveTransport,
} from './client.ts'
import { startLive } from './fixture.ts'
import type { GapFrame } from './protocol.ts'

/** A client whose states can be waited for. */
function open(url: string, options: LiveClientOptions = {}): LiveClient & Disposable & { reaches: Reaches } {
  const states: LiveState[] = []
  let onState: () => void = () => undefined
  const client = connectLive({
    url: `${url}/live`,
    maxDelayMs: 100,
    ...options,
    onState: state => {
      states.push(state)
      onState()
    },
  })
  const reaches: Reaches = async kind => {
    for (;;) {
      const at = states.findIndex(state => state.kind === kind)
      if (at >= 0) return states.splice(0, at + 1)[at] as never
      await new Promise<void>(resolve => {
        onState = resolve
      })
    }
  }
  return Object.assign(client, { reaches, [Symbol.dispose]: () => client.close() })
}

type Reaches = <K extends LiveState['kind']>(kind: K) => Promise<Extract<LiveState, { kind: K }>>

/** Collects values of x; `until` waits for one. */
function collector() {
  const seen: unknown[] = []
  const gaps: GapFrame[] = []
  let onSeen: () => void = () => undefined
  return {
    seen,
    gaps,
    onReadings: (readings: readonly { values: Readonly<Record<string, unknown>> }[]) => {
      seen.push(...readings.map(({ values }) => values.x))
      onSeen()
    },
    onGap: (gap: GapFrame) => gaps.push(gap),
    until: async (x: unknown) => {
      while (!seen.includes(x)) {
        await new Promise<void>(resolve => {
          onSeen = resolve
        })
      }
    },
  }
}

test.each<LiveTransport>(['websocket', 'events', 'poll'])(
  'over %s: snapshot, readings, and a resume without a hole',
  async transport => {
    await using live = await startLive()
    live.offer('a', { x: 0 })
    using client = open(live.url, { transports: [transport] })
    const got = collector()
    const subscription = client.subscribe({ devices: ['a'], ...got })
    await subscription.ready
    expect(await client.reaches('open')).toMatchObject({ transport, node: 'node-1' })
    await got.until(0)
    live.offer('a', { x: 1 })
    live.offer('b', { x: -1 })
    await got.until(1)
    client.close()
    for (let x = 2; x < 1000; x++) live.offer('a', { x })
    client.connect()
    live.offer('a', { x: 1000 })
    await got.until(1000)
    expect(got.seen).toEqual(Array.from({ length: 1001 }, (_, x) => x))
    expect(got.gaps).toEqual([])
    subscription.close()
    if (transport !== 'poll') expect(await client.ping()).toBeGreaterThanOrEqual(0)
    while (live.relay.stats.subscriptions > 0) await new Promise(resolve => setTimeout(resolve, 5))
  },
)

test('owes nothing: what came while it was away is there even if nothing had come before', async () => {
  await using live = await startLive()
  using client = open(live.url)
  const got = collector()
  await client.subscribe({ snapshot: false, ...got }).ready
  client.close()
  live.offer('a', { x: 1 })
  client.connect()
  await got.until(1)
})

test('comes back on its own when the server restarts, and is told of the gap', async () => {
  const first = await startLive()
  first.offer('a', { x: 1 })
  using client = open(first.url)
  const got = collector()
  client.subscribe(got)
  await got.until(1)
  await first.close()
  const waiting = await client.reaches('waiting')
  expect(waiting.code).toBe(1012)
  expect(waiting.retryAtMs - Date.now()).toBeLessThan(200)
  const { feed } = first
  feed.epoch = 'epoch-2'
  feed.seq = 0
  await using second = await startLive({ port: first.port, feed })
  second.offer('a', { x: 2 })
  await got.until(2)
  expect(got.gaps).toMatchObject([{ from: null, reason: 'restarted' }])
})

test('commands and errors', async () => {
  await using live = await startLive({
    sendCommand: async ({ device }) =>
      device === 'lamp'
        ? { ok: true, result: 'offline' }
        : { ok: false, code: 'unknown-device', message: 'no such device' },
  })
  using client = open(live.url)
  await expect(client.command({ device: 'lamp', payload: 'on' })).rejects.toMatchObject({
    code: 'not-connected',
  })
  await client.reaches('open')
  expect(await client.command({ device: 'lamp', payload: 'on' })).toEqual({ result: 'offline' })
  await expect(client.command({ device: 'x', payload: 'on' })).rejects.toMatchObject({
    code: 'unknown-device',
  })
  const errors: string[] = []
  for (const transport of ['events', 'poll'] as const) {
    using other = open(live.url, { transports: [transport] })
    const refused = other.subscribe({ topics: ['a#'], onReadings: () => undefined })
    await expect(refused.ready).rejects.toMatchObject({ code: 'bad-filter' })
    await other.reaches('open')
  }
  const bad = client.subscribe({
    topics: ['a#'],
    onReadings: () => undefined,
    onError: ({ code }) => errors.push(code),
  })
  await expect(bad.ready).rejects.toMatchObject({ code: 'bad-filter' })
  expect(errors).toEqual(['bad-filter'])
})

test('does not knock on a door that will stay shut', async () => {
  await using live = await startLive({
    authenticate: ({ token }) => (token === 'good' ? { name: 'x', role: 'viewer' } : null),
  })
  let token = 'bad'
  for (const transport of ['websocket', 'events', 'poll'] as const) {
    token = 'bad'
    using client = open(live.url, { token: () => token, transports: [transport] })
    const got = collector()
    client.subscribe(got)
    expect(await client.reaches('closed')).toMatchObject({ code: 4401 })
    token = 'good'
    client.connect()
    await client.reaches('open')
  }
})

test('falls back to events where WebSocket does not pass, to poll where events do not either', async () => {
  await using live = await startLive()
  for (const [blocked, transport] of [
    [/^GET \/live[? ]/, 'events'],
    [/^GET \/live(\/events)?[? ]/, 'poll'],
  ] as const) {
    const proxy = await startProxy(live.port, head => !blocked.test(head))
    using client = open(proxy.url)
    const got = collector()
    client.subscribe({ snapshot: false, ...got })
    expect(await client.reaches('open')).toMatchObject({ transport })
    while (live.relay.stats.subscriptions === 0) await new Promise(resolve => setTimeout(resolve, 5))
    live.offer('a', { x: transport })
    await got.until(transport)
    client.close()
    proxy.close()
    while (live.relay.stats.subscriptions > 0) await new Promise(resolve => setTimeout(resolve, 5))
  }
})

test('waits longer each time, but never all at once; 4401 and 4403 are final', () => {
  expect(retryDelayMs(1006, 0, 30_000, 1)).toBe(500)
  expect(retryDelayMs(1006, 3, 30_000, 1)).toBe(4000)
  expect(retryDelayMs(1006, 50, 30_000, 1)).toBe(30_000)
  expect(retryDelayMs(1006, 50, 30_000, 0.1)).toBe(3000)
  expect(retryDelayMs(1013, 0, 30_000, 0)).toBe(30_000)
  expect(retryDelayMs(4410, 0, 30_000, 0)).toBeGreaterThan(5000)
  expect([4401, 4403, 4408].every(isFinal)).toBe(true)
  expect([1000, 1006, 1012, 4410, 4429].some(isFinal)).toBe(false)
})

test('a server that accepts and says nothing is no server', async () => {
  const server = createServer()
  server.on('upgrade', () => undefined)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  using client = open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    transports: ['websocket'],
    answerMs: 200,
  })
  expect(await client.reaches('waiting')).toMatchObject({ code: 1006 })
  client.close()
  server.closeAllConnections()
  server.close()
})

/** Passes on requests that it lets through, and cuts off others. */
async function startProxy(port: number, passes: (head: string) => boolean) {
  const sockets = new Set<Socket>()
  const server = createTcpServer(inner => {
    const outer = tcpConnect(port, '127.0.0.1')
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        inner.destroy()
        outer.destroy()
      })
    }
    inner.on('data', chunk => {
      if (chunk.toString('latin1').startsWith('GET ') && !passes(chunk.toString('latin1'))) inner.destroy()
      else outer.write(chunk)
    })
    outer.pipe(inner)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
