import { afterEach, beforeEach, expect, it } from 'vitest'
import { type BrokerProcess, spawnBroker } from './broker-process.ts'
import { dial, hello, type Line, lengthOf, login } from './fixture.ts'

const MIB = 1024 ** 2

let broker: BrokerProcess
beforeEach(async () => {
  broker = await spawnBroker()
})
afterEach(() => broker.close())

async function inTurns<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let i = 0; i < count; i += 50)
    made.push(...(await Promise.all(Array.from({ length: Math.min(50, count - i) }, (_, k) => make(i + k)))))
  return made
}

function close(lines: readonly Line[]): void {
  for (const { socket } of lines) socket.destroy()
}

const ANNOUNCED_256_MB = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])

it('1,000 sockets that each announce 256 MB cost at most 64 MB in all', async () => {
  const before = await broker.figures()
  const asConnect = await inTurns(500, async () => {
    const line = await dial(broker.port)
    line.send(Buffer.concat([Buffer.from([0x10]), ANNOUNCED_256_MB.subarray(1), Buffer.alloc(5000)]))
    return line
  })
  const known = await inTurns(500, i => login(broker.port, { clientId: `known${i}` }))
  for (const line of known) line.send(Buffer.concat([ANNOUNCED_256_MB, Buffer.alloc(5000)]))
  await Promise.all([...asConnect, ...known].map(({ closed }) => closed))
  const after = await broker.figures()
  expect(after.closed['too-large']).toBe(1000)
  expect(after.rssBytes - before.rssBytes).toBeLessThan(64 * MIB)
})

it('1,000 that announce all that they may, and send it byte by byte, cost what they send', async () => {
  const known = await inTurns(1000, i => login(broker.port, { clientId: `known${i}` }))
  const before = await broker.figures()
  const head = Buffer.concat([Buffer.from([0x30]), lengthOf(2 * MIB - 10)])
  for (const line of known) line.send(head)
  for (let i = 0; i < 20; i++) {
    for (const line of known) line.send(Buffer.alloc(1))
    await new Promise(resolve => setImmediate(resolve))
  }
  const after = await broker.figures()
  expect(after.clients).toBe(1000)
  expect(after.rssBytes - before.rssBytes).toBeLessThan(64 * MIB)
  close(known)
})

it('beside 5,000 sockets that say nothing, an honest client is let in within a second', async () => {
  const idle = await inTurns(5000, () => dial(broker.port))
  const tookMs: number[] = []
  for (let i = 0; i < 200; i++) {
    const beganMs = performance.now()
    const line = await login(broker.port, { clientId: `honest${i}` })
    tookMs.push(performance.now() - beganMs)
    line.socket.destroy()
  }
  tookMs.sort((a, b) => a - b)
  expect(tookMs[Math.floor(tookMs.length * 0.99)]).toBeLessThan(1000)
  close(idle)
})

it('one SUBSCRIBE with 100,000 filters is closed before it costs anything', async () => {
  const line = await login(broker.port)
  const before = await broker.figures()
  const filter = (i: number) =>
    Buffer.concat([Buffer.from([0, 7]), Buffer.from(`f/${String(i).padStart(5, '0')}`), Buffer.from([0])])
  const body = Buffer.concat([Buffer.from([0, 1]), ...Array.from({ length: 100_000 }, (_, i) => filter(i))])
  line.send(Buffer.concat([Buffer.from([0x82]), lengthOf(body.length), body]))
  await line.closed
  const after = await broker.figures()
  expect(after.closed.filters).toBe(1)
  expect(after.lagMs).toBeLessThan(500)
  expect(after.rssBytes - before.rssBytes).toBeLessThan(30 * MIB)
})

it.each([
  [4, 20],
  [5, 24],
] as const)('an idle client of protocol level %i costs at most %i kB', async (protocolVersion, most) => {
  const warm = await inTurns(500, i => login(broker.port, { clientId: `warm${i}`, protocolVersion }))
  const before = await broker.figures()
  const count = 2000
  const idle = await inTurns(count, i => login(broker.port, { clientId: `idle${i}`, protocolVersion }))
  const after = await broker.figures()
  expect(after.clients).toBe(count + warm.length)
  expect((after.rssBytes - before.rssBytes) / count / 1000).toBeLessThan(most)
  close([...warm, ...idle])
})

it('clients that log in and never read cost what is written for them, and are closed', async () => {
  const line = await dial(broker.port)
  line.socket.pause()
  line.send(hello({ clientId: 'deaf' }))
  // Each is answered by two bytes.
  const pings = Buffer.alloc(200_000, Buffer.from([0xc0, 0]))
  const before = await broker.figures()
  for (let i = 0; i < 200; i++) {
    if (!line.socket.write(pings)) await new Promise(resolve => setTimeout(resolve, 5))
  }
  const after = await broker.figures()
  expect(after.rssBytes - before.rssBytes).toBeLessThan(64 * MIB)
  line.socket.destroy()
})
