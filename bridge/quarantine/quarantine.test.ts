import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Quarantine, type QuarantineOptions, refusedOrigin } from './quarantine.ts'
import { decodeRecord, encodeRecord, encodeRefused, encodeRelease, MAX_PAYLOAD_BYTES } from './record.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-quarantine-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function open(options: Partial<QuarantineOptions> = {}): Quarantine {
  return new Quarantine({
    path: join(dir, 'quarantine.db'),
    maxBytes: 1e6,
    maxBytesPerDevice: 1e5,
    ...options,
  })
}

function record(client: string | null, payload: string | Buffer, topic = 'some/topic'): Buffer {
  const message = {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 1,
    client,
  } as const
  return encodeRecord(message, 'plain', 'no number', 1_700_000_000_123_456)
}

it('keeps what a block held, across restarts, with everything that helps to understand it', () => {
  const first = open()
  first.addBlock(7, [record('thermo', 'garbage \0 \xff')])
  first.close()
  const second = open()
  expect(second.block).toBe(7)
  expect(second.list(10, null)).toEqual([
    {
      id: 1,
      isCounted: true,
      topic: 'some/topic',
      reason: 'no number',
      by: 'plain',
      time: 1_700_000_000_123,
      client: 'thermo',
      qos: 1,
      retain: false,
      payloadBytes: 12,
      payload: Buffer.from('garbage \0 \xff'),
    },
  ])
  second.close()
})

it('takes a block once, also when a crash makes it come again after its entries have left', () => {
  const quarantine = open()
  quarantine.addBlock(7, [record('a', '1'), record('a', '2')])
  quarantine.addBlock(8, [encodeRelease(1), record('a', '3')])
  quarantine.addBlock(7, [record('a', '1'), record('a', '2')])
  quarantine.addBlock(8, [encodeRelease(1), record('a', '3')])
  expect(quarantine.list(10, null).map(({ payload }) => payload.toString())).toEqual(['3', '2'])
  quarantine.close()
})

it('takes what the store refused once, and knows how many count behind a block', () => {
  const quarantine = open()
  const refused = encodeRefused(Buffer.from('m v=x 1\n'), 'some/topic', '400: no', 5)
  for (const times of [1, 2]) {
    quarantine.addRefused(refusedOrigin(3, 0, true), refused)
    quarantine.addRefused(refusedOrigin(5, 0, true), refused)
    quarantine.addRefused(refusedOrigin(5, 1, false), refused)
    expect(quarantine.count(), `after ${times}`).toBe(3)
  }
  expect([2, 3, 5].map(block => quarantine.refusedBehind(block))).toEqual([2, 1, 0])
  expect(quarantine.list(10, null).map(({ isCounted }) => isCounted)).toEqual([false, true, true])
  quarantine.close()
})

it('is bounded per device: the oldest of that device leave, are counted, and nobody else pays', () => {
  const quarantine = open({ maxBytesPerDevice: 3000 })
  quarantine.addBlock(1, [record('quiet', 'mine')])
  for (let block = 2; block < 52; block++)
    quarantine.addBlock(block, [record('loud', `${block}`.padEnd(200, '.'))])
  const entries = quarantine.list(100, null)
  expect(entries.filter(({ client }) => client === 'quiet')).toHaveLength(1)
  const loud = entries.filter(({ client }) => client === 'loud')
  expect(loud.length).toBeGreaterThan(3)
  expect(loud[0]!.payload.toString()).toMatch(/^51\./)
  expect(quarantine.evicted).toBe(50 - loud.length)
  quarantine.close()
})

it('is bounded in all, whatever the names of the clients', () => {
  const quarantine = open({ maxBytes: 10_000 })
  for (let block = 1; block <= 200; block++)
    quarantine.addBlock(block, [record(`client-${block}`, 'x'.repeat(300))])
  const kept = quarantine.count()
  expect(kept).toBeGreaterThan(5)
  expect(kept).toBeLessThan(25)
  expect(quarantine.evicted).toBe(200 - kept)
  quarantine.close()
  const again = open({ maxBytes: 10_000 })
  expect(again.evicted).toBe(200 - kept)
  again.addBlock(201, [record('one-more', 'x'.repeat(300))])
  expect(again.count()).toBeLessThanOrEqual(kept + 1)
  again.close()
})

it('does not count what was never counted when it makes room', () => {
  const quarantine = open({ maxBytes: 1000 })
  const part = encodeRefused(Buffer.from('m v=x 1\n'.repeat(20)), 't', '400', 5)
  for (let block = 1; block < 20; block++) quarantine.addRefused(refusedOrigin(block, 0, false), part)
  expect(quarantine.evicted).toBe(0)
  expect(quarantine.count()).toBeLessThan(6)
  quarantine.close()
})

it('keeps the beginning of a payload without bound, and says how long it was', () => {
  const { payload, payloadBytes } = decodeRecord(record('a', Buffer.alloc(300_000, 'x')))
  expect(payload.length).toBe(MAX_PAYLOAD_BYTES)
  expect(payloadBytes).toBe(300_000)
})

it('pages from either end without missing or repeating an entry', () => {
  const quarantine = open()
  quarantine.addBlock(
    1,
    Array.from({ length: 25 }, (_, i) => record('a', `${i}`)),
  )
  const newestFirst: number[] = []
  for (let page = quarantine.list(10, null); page.length > 0; page = quarantine.list(10, page.at(-1)!.id))
    newestFirst.push(...page.map(({ id }) => id))
  const oldestFirst: number[] = []
  for (
    let page = quarantine.listFrom(0, 10);
    page.length > 0;
    page = quarantine.listFrom(page.at(-1)!.id, 10)
  )
    oldestFirst.push(...page.map(({ id }) => id))
  expect(newestFirst).toHaveLength(25)
  expect(oldestFirst).toEqual(newestFirst.toReversed())
  quarantine.close()
})
