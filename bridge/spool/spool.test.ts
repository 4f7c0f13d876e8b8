import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Entry } from './batch.ts'
import { SPOOL_OPTIONS } from './fixture.ts'
import type { Commit } from './position.ts'
import { SpoolReader } from './reader.ts'
import { listSegments, scanSegment, segmentPath } from './segment.ts'
import { Spool, type SpoolOptions } from './spool.ts'

/** Some 600 files, each synced several times: seconds, or a minute on a disk that others use. */
const MANY_SYNCS_MS = 120_000

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-spool-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NODE = '0123456789abcdef0123456789abcdef'

function open(options: Partial<SpoolOptions> = {}): { spool: Spool; commits: Commit[] } {
  const commits: Commit[] = []
  const spool = new Spool({
    ...SPOOL_OPTIONS,
    dir,
    nodeId: NODE,
    quietLingerMs: 5,
    holdMs: 200,
    maxPendingBytes: 1e8,
    onCommit: commit => commits.push(commit),
    ...options,
  })
  return { spool, commits }
}

function message(text: string, key: number | null = null): Entry {
  return { lines: `${text}\n`, lineCount: 1, outcome: { kind: 'message' }, key, awaited: true }
}

function readAll(spool: Spool): string[] {
  const reader = new SpoolReader(dir, { block: 0, segment: 0, offset: 0 })
  const lines = reader
    .read(spool.tail, 1_000_000)
    .flatMap(({ block }) => block.lines.toString().split('\n').slice(0, -1))
  reader.close()
  return lines
}

describe('the spool', () => {
  it('has a message on the disk when its append resolves', async () => {
    const { spool } = open()
    await spool.append(message('a v=1 1'))
    const [first] = listSegments(dir)
    expect(scanSegment(segmentPath(dir, first!)).blocks.map(block => block.lines.toString())).toEqual([
      'a v=1 1\n',
    ])
    await spool.close()
  })

  it('writes what it was given, however many bytes a character takes', async () => {
    const { spool } = open()
    const texts = ['a', 'ä', '€', '😀', '\ud800'].flatMap(char => [char, char.repeat(5_000)])
    await Promise.all(texts.map(text => spool.append(message(text))))
    const [first] = listSegments(dir)
    const { blocks } = scanSegment(segmentPath(dir, first!))
    expect(blocks.map(block => block.lines.toString()).join('')).toBe(
      texts.map(text => `${text.toWellFormed()}\n`).join(''),
    )
    expect(blocks.flatMap(block => [...block.messageLengths])).toEqual(
      texts.map(text => Buffer.byteLength(text) + 1),
    )
    await spool.close()
  })

  it('resolves in the order of the appends, whatever their outcome', async () => {
    const { spool } = open()
    const order: number[] = []
    const entries: Entry[] = [
      message('a'),
      { lines: '', lineCount: 0, outcome: { kind: 'ignored', reason: 'command' }, key: null, awaited: true },
      {
        lines: '',
        lineCount: 0,
        outcome: { kind: 'quarantined', record: Buffer.from('x') },
        key: null,
        awaited: true,
      },
      message('b'),
    ]
    await Promise.all(entries.map((entry, i) => spool.append(entry).then(() => order.push(i))))
    expect(order).toEqual([0, 1, 2, 3])
    expect(spool.totals).toEqual({
      received: 4,
      messages: 2,
      quarantined: 1,
      ignored: { command: 1 },
      dropped: {},
    })
    await spool.close()
  })

  it('keeps messages, totals and numbering over restarts and segments', async () => {
    const wanted: string[] = []
    for (let start = 0; start < 5; start++) {
      const { spool } = open({ segmentBytes: 2000 })
      for (let i = 0; i < 50; i++) {
        wanted.push(`m,s=${start} v=${i} 1`)
        await spool.append(message(wanted.at(-1)!))
      }
      await spool.append({
        lines: '',
        lineCount: 0,
        outcome: { kind: 'dropped', reason: 'forbidden' },
        key: null,
        awaited: true,
      })
      await spool.close()
    }
    const { spool } = open()
    expect(listSegments(dir).length).toBeGreaterThan(3)
    expect(readAll(spool)).toEqual(wanted)
    expect(spool.totals).toEqual({
      received: 255,
      messages: 250,
      quarantined: 0,
      ignored: {},
      dropped: { forbidden: 5 },
    })
    expect(spool.lastBlock).toBe(255)
    await spool.close()
  })

  it('recognises a retransmission, also after a restart and while the first is on its way', async () => {
    const { spool } = open()
    const first = spool.append(message('a', 77))
    expect(spool.hasRecently(77)).toBe(true)
    await first
    expect(spool.hasRecently(77)).toBe(true)
    expect(spool.hasRecently(78)).toBe(false)
    await spool.close()
    const again = open()
    expect(again.spool.hasRecently(77)).toBe(true)
    await again.spool.close()
  })

  it('refuses what exceeds its bytes after the hold, and takes messages again once there is room', async () => {
    const { spool, commits } = open({ segmentBytes: 1000, maxBytes: 6000 })
    let refused: unknown = null
    for (let i = 0; i < 100 && refused === null; i++) {
      await spool.append(message(`m v=${'x'.repeat(400)} ${i}`)).catch(error => {
        refused = error
      })
    }
    expect(refused).toMatchObject({ code: 'SPOOL_FULL' })
    expect(spool.failure).toMatchObject({ code: 'SPOOL_FULL' })
    spool.release(commits.at(-1)!.block)
    await spool.append(message('m v=1 1'))
    expect(spool.failure).toBeNull()
    await spool.close()
  })

  it('unlinks a segment only once it is released', async () => {
    const { spool, commits } = open({ segmentBytes: 500 })
    for (let i = 0; i < 20; i++) await spool.append(message(`m v=${'x'.repeat(100)} ${i}`))
    const before = listSegments(dir)
    spool.release(commits[9]!.block)
    const after = listSegments(dir)
    expect(after.length).toBeLessThan(before.length)
    expect(readAll(spool).at(-1)).toMatch(/ 19$/)
    expect(after[0]).toBeLessThanOrEqual(commits[10]!.block)
    await spool.close()
  })
})

describe('a crash', () => {
  /** Three blocks in one segment of about 800 bytes. */
  async function threeBlocks(): Promise<{ path: string; bytes: Buffer; ends: number[] }> {
    const { spool, commits } = open()
    for (const text of ['a v=1 1', 'b v=2 2', 'c v=3 3']) await spool.append(message(text))
    await spool.close()
    const path = segmentPath(dir, 1)
    return { path, bytes: readFileSync(path), ends: commits.map(commit => commit.offset) }
  }

  it(
    'that tears the tail anywhere leaves every whole block, and the next append works',
    async () => {
      const { path, bytes, ends } = await threeBlocks()
      for (let cut = 0; cut < bytes.length; cut++) {
        writeFileSync(path, bytes.subarray(0, cut))
        const whole = ends.filter(end => end <= cut).length
        const { spool } = open()
        await spool.append(message('next v=9 9'))
        expect(readAll(spool)).toEqual([...['a v=1 1', 'b v=2 2', 'c v=3 3'].slice(0, whole), 'next v=9 9'])
        await spool.close()
        for (const first of listSegments(dir)) rmSync(segmentPath(dir, first))
        rmSync(join(dir, 'damaged'), { recursive: true, force: true })
      }
    },
    MANY_SYNCS_MS,
  )

  it('that leaves zeros or garbage behind the tail changes nothing', async () => {
    const { path, bytes } = await threeBlocks()
    for (const tail of [
      Buffer.alloc(4096),
      Buffer.from('TBLK garbage that looks like a block'),
      bytes.subarray(0, 200),
    ]) {
      copyFileSync(path, `${path}.keep`)
      appendFileSync(path, tail)
      const { spool } = open()
      expect(readAll(spool)).toEqual(['a v=1 1', 'b v=2 2', 'c v=3 3'])
      await spool.close()
      copyFileSync(`${path}.keep`, path)
    }
  })

  it(
    'or a disk that flips any byte costs at most the block it hits, and never makes one up',
    async () => {
      const { path, bytes, ends } = await threeBlocks()
      const texts = ['a v=1 1', 'b v=2 2', 'c v=3 3']
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes)
        flipped[at]! ^= 0xff
        writeFileSync(path, flipped)
        const hit = ends.findIndex(end => at < end)
        const isHeaderOfFile = at < scanHeaderBytes(bytes)
        const { spool } = open()
        const expected = isHeaderOfFile ? texts : texts.filter((_, i) => i !== hit)
        expect(readAll(spool)).toEqual(expected)
        await spool.close()
        for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true })
        writeFileSync(path, bytes)
      }
    },
    MANY_SYNCS_MS,
  )

  it('in an older segment is stepped over, and the file is kept as evidence', async () => {
    const { spool } = open({ segmentBytes: 400 })
    for (let i = 0; i < 12; i++) await spool.append(message(`m v=${i} ${i}`))
    const firsts = listSegments(dir)
    const victim = segmentPath(dir, firsts[1]!)
    const bytes = readFileSync(victim)
    bytes[bytes.length - 20]! ^= 0xff
    writeFileSync(victim, bytes)
    const reader = new SpoolReader(dir, { block: 0, segment: 0, offset: 0 })
    const lines = reader.read(spool.tail, 1000).map(({ block }) => block.lines.toString())
    expect(lines).toHaveLength(11)
    expect(reader.damage).toHaveLength(1)
    expect(readdirSync(join(dir, 'damaged'))).toHaveLength(1)
    reader.close()
    await spool.close()
  })

  it('between creation and header of a segment leaves nothing in the way', async () => {
    await threeBlocks()
    writeFileSync(segmentPath(dir, 4), '')
    const { spool } = open()
    await spool.append(message('d v=4 4'))
    expect(readAll(spool)).toEqual(['a v=1 1', 'b v=2 2', 'c v=3 3', 'd v=4 4'])
    await spool.close()
  })
})

it('reading in any steps gives the same blocks as reading at once', async () => {
  const { spool } = open({ segmentBytes: 3000 })
  for (let i = 0; i < 200; i++) await spool.append(message(`m,i=${i} v=${'y'.repeat(i % 50)} ${i}`))
  const whole = readAll(spool)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), steps => {
      const lines: string[] = []
      let reader = new SpoolReader(dir, { block: 0, segment: 0, offset: 0 })
      for (let i = 0; lines.length < whole.length; i++) {
        for (const { block } of reader.read(spool.tail, steps[i % steps.length]!)) {
          lines.push(...block.lines.toString().split('\n').slice(0, -1))
        }
        // As after a restart: a new reader at the position of the old one.
        const { position } = reader
        reader.close()
        reader = new SpoolReader(dir, position)
      }
      reader.close()
      expect(lines).toEqual(whole)
    }),
    { numRuns: 50, seed: 20_261 },
  )
  await spool.close()
})

function scanHeaderBytes(segment: Buffer): number {
  return segment.readUInt32LE(8)
}

it('a position in a segment that is gone moves on to the oldest there is', async () => {
  const { spool } = open({ segmentBytes: 300 })
  for (let i = 0; i < 10; i++) await spool.append(message(`m v=${i} ${i}`))
  const firsts = listSegments(dir)
  rmSync(segmentPath(dir, firsts[0]!))
  truncateSync(segmentPath(dir, firsts[1]!), 0)
  const reader = new SpoolReader(dir, { block: 1, segment: firsts[0]!, offset: 100 })
  expect(reader.read(spool.tail, 1000).at(-1)?.block.lines.toString()).toBe('m v=9 9\n')
  reader.close()
  await spool.close()
})
