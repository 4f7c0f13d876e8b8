import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bucket, Verdict } from '../store.ts'
import { BATCHES, batchOf, clockAt } from './crash-batches.ts'
import { verdictOf } from './database.ts'
import { EmbeddedStore } from './embedded-store.ts'
import { EmbeddedHistory } from './history.ts'
import { dirtyMinutes, rollupsOfRows, storedRollups, storedRows } from './inspect.ts'
import type { Retention } from './retention.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** 2026-03-10T12:00:00Z */
const NOON = Date.UTC(2026, 2, 10, 12)
const WRITTEN: Verdict = { kind: 'written' }

let directory: string
let store: EmbeddedStore
let history: EmbeddedHistory
let nowMs: number
let block: number

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trestle-store-'))
  nowMs = NOON
  block = 0
  store = open()
  history = new EmbeddedHistory(directory)
})

afterEach(async () => {
  await history.close()
  await store.close()
  rmSync(directory, { recursive: true })
})

async function reopen(): Promise<void> {
  await store.close()
  store = open()
}

/** Time passes as a clock shows that nobody sets. */
function open(retention: Partial<Retention> = {}): EmbeddedStore {
  return new EmbeddedStore({ directory, retention, now: () => nowMs, uptime: () => nowMs })
}

function line(timeMs: number, fields: string, device = 'd'): string {
  return `reading,device=${device} ${fields} ${Math.round(timeMs * 1000)}000\n`
}

function write(...lines: string[]): Promise<Verdict> {
  const position = { block: ++block }
  return store.write({ lines: lines.map(text => Buffer.from(text)), lineCount: lines.length, position })
}

/** Roll-ups and retention become due, and a batch gives them their turn. */
async function pass(ms: number): Promise<void> {
  nowMs += ms
  for (let i = 0; i < 3; i++) expect(await write()).toStrictEqual(WRITTEN)
}

async function raw(fromMs = 0, toMs = NOON + DAY_MS) {
  const page = await history.raw({ device: 'd', field: 'v', fromMs, toMs }, 1000)
  return page?.points ?? null
}

function buckets(bucketMs: number, fromMs = 0, toMs = NOON + DAY_MS) {
  return history.buckets({ device: 'd', field: 'v', fromMs, toMs }, bucketMs)
}

function bucket(time: number, values: readonly number[]): Bucket {
  const mean = values.reduce((sum, value) => sum + value) / values.length
  const [min, max] = [Math.min(...values), Math.max(...values)]
  return { time, count: values.length, mean, min, max, last: values.at(-1)! }
}

const dayFiles = () => readdirSync(directory).filter(name => /^history-\d+\.db$/.test(name))

describe('embedded store', () => {
  it('history sees what is written, at once, and knows nothing before', async () => {
    expect(await raw()).toBeNull()
    expect(await history.lastValues()).toStrictEqual([])
    expect(store.position()).toStrictEqual({ block: 0 })
    for (let i = 1; i <= 30; i++) {
      expect(await write(line(NOON + i, `v=${i}`))).toStrictEqual(WRITTEN)
      expect((await raw())?.at(-1)).toStrictEqual({ time: NOON + i, value: i })
      expect(await history.lastValues()).toMatchObject([{ value: i, timeUs: (NOON + i) * 1000 }])
    }
    expect(store.position()).toStrictEqual({ block: 30 })
  })

  it('a batch that comes again changes nothing', async () => {
    const lines = [line(NOON, 'v=1,s="a"'), line(NOON - DAY_MS, 'v=2'), line(NOON, 'on=t', 'e')]
    await write(...lines)
    await pass(MINUTE_MS)
    const before = [storedRows(directory), storedRollups(directory)]
    await write(...lines)
    await reopen()
    await write(...lines)
    await pass(MINUTE_MS)
    expect([storedRows(directory), storedRollups(directory)]).toStrictEqual(before)
  })

  it('a line that cannot be taken rejects its batch, of which nothing is stored', async () => {
    expect(await write(line(NOON, 'v=1'), 'reading,device=d v=oops 1\n')).toStrictEqual({
      kind: 'rejected',
      reason: `unable to parse 'reading,device=d v=oops 1': invalid number`,
    })
    expect(await write('reading,room=attic v=1 1\n')).toMatchObject({
      kind: 'rejected',
      reason: /without a tag 'device'/,
    })
    expect(await raw()).toBeNull()
    expect(store.position()).toStrictEqual({ block: 0 })
  })

  it('a part of a batch does not move the position', async () => {
    await write(line(NOON, 'v=1'))
    const part = { lines: [Buffer.from(line(NOON + 1, 'v=2'))], lineCount: 1, position: null }
    expect(await store.write(part)).toStrictEqual(WRITTEN)
    expect(await raw()).toHaveLength(2)
    await reopen()
    expect(store.position()).toStrictEqual({ block: 1 })
  })

  it('an integer beyond 2^53 is kept exact, as text', async () => {
    await write(line(NOON, 'v=9007199254740993i'))
    expect(await raw()).toStrictEqual([{ time: NOON, value: '9007199254740993' }])
  })

  it('a field whose kind changes answers with the newer kind and loses nothing', async () => {
    await write(line(NOON, 'v=1'), line(NOON + 1, 'v="off"'))
    expect(await raw()).toStrictEqual([{ time: NOON + 1, value: 'off' }])
    await write(line(NOON + 2, 'v=3'))
    expect(await raw()).toMatchObject([{ value: 1 }, { value: 3 }])
  })

  it('one batch may hold points of many days', async () => {
    const times = Array.from({ length: 40 }, (_, i) => NOON - ((i * 7) % 40) * DAY_MS)
    await write(...times.map((time, i) => line(time, `v=${i}`)))
    expect(dayFiles()).toHaveLength(40)
    expect((await raw())?.map(({ time }) => time)).toStrictEqual(times.toSorted((a, b) => a - b))
    await pass(MINUTE_MS)
    expect(await buckets(DAY_MS, NOON - 40 * DAY_MS)).toHaveLength(40)
  })
})

describe('roll-ups', () => {
  it('of more series and values than one transaction takes are complete in the end, and history all the while', async () => {
    const lines = Array.from({ length: 110 }, (_, i) =>
      Array.from({ length: 2500 }, (_, device) => line(NOON + i * 1000, `v=${i}`, `d${device}`)).join(''),
    )
    expect(await write(...lines)).toStrictEqual(WRITTEN)
    const query = { device: 'd2499', field: 'v', fromMs: NOON, toMs: NOON + HOUR_MS }
    nowMs = NOON + HOUR_MS
    for (let dirty = 2; dirty > 0; ) {
      await write()
      expect(await history.buckets(query, HOUR_MS)).toMatchObject([
        { count: 110, min: 0, max: 109, last: 109 },
      ])
      dirty = dirtyMinutes(directory)
    }
    expect(storedRollups(directory).minute).toHaveLength(5000)
    expect(await history.buckets(query, HOUR_MS)).toMatchObject([{ count: 110, min: 0, max: 109, last: 109 }])
  })

  it('equal the rows, in whatever order these come, again and again', async () => {
    const value = fc.oneof(
      fc.integer({ min: -99, max: 99 }).map(String),
      fc.constantFrom('t', 'f', '"a"', '"b"'),
    )
    const point = fc.record({
      device: fc.constantFrom('d', 'e', 'f'),
      minute: fc.integer({ min: -1500, max: 0 }),
      second: fc.nat(59),
      value,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(point, { maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        async batches => {
          for (const points of batches) {
            const lines = points.map(({ device, minute, second, value }) => {
              const kind = /^["]/.test(value) ? 's' : /^[tf]/.test(value) ? 'b' : 'v'
              return line(NOON + minute * MINUTE_MS + second * 1000, `${kind}=${value}`, device)
            })
            expect(await write(...lines)).toStrictEqual(WRITTEN)
            if (points.length % 2 === 0) await pass(11_000)
            if (points.length % 5 === 0) await reopen()
          }
          await pass(MINUTE_MS)
          expect(storedRollups(directory)).toStrictEqual(rollupsOfRows(directory))
        },
      ),
      { numRuns: 25 },
    )
  })

  it('late points of weeks ago repair them', async () => {
    store = open({ rawMs: 60 * DAY_MS })
    const then = NOON - 30 * DAY_MS
    await write(line(then, 'v=1'), line(then + 1000, 'v=3'))
    await pass(MINUTE_MS)
    await write(line(NOON, 'v=0'))
    await pass(DAY_MS)
    await write(line(then + 500, 'v=8'), line(then + 1000, 'v=5'))
    for (const due of [0, MINUTE_MS]) {
      await pass(due)
      expect(await buckets(MINUTE_MS, then, then + HOUR_MS)).toStrictEqual([bucket(then, [1, 8, 5])])
      expect(await buckets(HOUR_MS, then, then + HOUR_MS)).toStrictEqual([bucket(then, [1, 8, 5])])
    }
    expect(storedRollups(directory)).toStrictEqual(rollupsOfRows(directory))
  })

  it('are computed again when rollup.db is lost', async () => {
    await write(line(NOON - DAY_MS, 'v=1'), line(NOON, 'v=2,s="x"'), line(NOON + 1, 'v=3'))
    await pass(MINUTE_MS)
    const before = [await buckets(HOUR_MS), await history.lastValues(), storedRollups(directory)]
    await store.close()
    for (const name of readdirSync(directory).filter(name => name.startsWith('rollup')))
      rmSync(join(directory, name))
    await reopen()
    await pass(MINUTE_MS)
    expect([await buckets(HOUR_MS), await history.lastValues(), storedRollups(directory)]).toStrictEqual(
      before,
    )
  })
})

describe('retention', () => {
  const old = NOON - 5 * DAY_MS
  const fill = () => write(...[1, 2, 3].map(i => line(old + i * MINUTE_MS, `v=${i}`)), line(NOON, 'v=9'))

  it('unlinks a day once it is past; its minutes stay, whatever width is asked for', async () => {
    await fill()
    expect(dayFiles()).toHaveLength(2)
    await pass(3 * DAY_MS)
    expect(dayFiles()).toStrictEqual(['history-20260310.db'])
    expect(await raw()).toStrictEqual([{ time: NOON, value: 9 }])
    const minutes = [1, 2, 3].map(i => bucket(old + i * MINUTE_MS, [i]))
    expect(await buckets(MINUTE_MS, 0, NOON)).toStrictEqual(minutes)
    expect(await buckets(1000, 0, NOON)).toStrictEqual(minutes)
    expect(await buckets(HOUR_MS, 0, NOON)).toStrictEqual([bucket(old, [1, 2, 3])])
  })

  it('a reader that has the file open answers on', async () => {
    await fill()
    expect(await raw(0, NOON)).toHaveLength(3)
    await pass(3 * DAY_MS)
    expect(await raw(0, NOON)).toStrictEqual([])
    expect(await buckets(HOUR_MS, 0, NOON)).toStrictEqual([bucket(old, [1, 2, 3])])
  })

  it('after the minutes the hours stay, and in the end nothing', async () => {
    await fill()
    await pass(91 * DAY_MS)
    expect(storedRollups(directory).minute).toStrictEqual([])
    expect(await buckets(1000, 0, NOON)).toStrictEqual([bucket(old, [1, 2, 3])])
    expect(await buckets(MINUTE_MS, old + 30_000, NOON)).toStrictEqual([bucket(old, [1, 2, 3])])
    await pass(640 * DAY_MS)
    expect(storedRollups(directory).hour).toStrictEqual([])
    expect(await buckets(HOUR_MS, 0, NOON)).toStrictEqual([])
  })

  it('what comes after its day is gone is added to the roll-ups, not put in their place', async () => {
    await fill()
    await pass(3 * DAY_MS)
    const late = [line(old + 2 * MINUTE_MS + 1, 'v=7'), line(old + 2 * HOUR_MS, 'v=5')]
    for (let again = 0; again < 2; again++) {
      expect(await write(...late)).toStrictEqual(WRITTEN)
      const expected = [bucket(old, [1, 2, 7, 3]), bucket(old + 2 * HOUR_MS, [5])]
      expect(await buckets(HOUR_MS, 0, NOON)).toStrictEqual(expected)
      await pass(MINUTE_MS)
      expect(await buckets(HOUR_MS, 0, NOON)).toStrictEqual(expected)
      await reopen()
    }
    expect(dayFiles()).toHaveLength(2)
    expect(await raw(0, NOON)).toMatchObject([{ value: 7 }, { value: 5 }])
    // That file goes too, once nothing has been written to it for a while.
    await pass(3 * HOUR_MS)
    expect(dayFiles()).toHaveLength(1)
    await write(line(old + 3, 'v=0'))
    expect(await buckets(DAY_MS, 0, old + 12 * HOUR_MS)).toMatchObject([
      { count: 6, min: 0, max: 7, last: 5 },
    ])
  })
})

describe('retention by a wall clock that jumps', () => {
  const old = NOON - 5 * DAY_MS
  let uptimeMs: number
  const begin = () => {
    store = new EmbeddedStore({ directory, now: () => nowMs, uptime: () => uptimeMs })
  }
  const passBoth = async (ms: number) => {
    uptimeMs += ms
    await pass(ms)
  }
  beforeEach(async () => {
    await store.close()
    uptimeMs = 1000
    begin()
    await write(line(old, 'v=1'), line(NOON, 'v=9'))
    await passBoth(HOUR_MS)
  })

  it('ahead keeps everything, also over a restart, and goes on as before once it is right again', async () => {
    const days = dayFiles()
    nowMs += 400 * DAY_MS
    await passBoth(HOUR_MS)
    await store.close()
    uptimeMs = 5
    begin()
    await passBoth(12 * HOUR_MS)
    expect(dayFiles()).toStrictEqual(days)
    nowMs -= 400 * DAY_MS
    await passBoth(HOUR_MS)
    expect(await raw()).toHaveLength(2)
    expect(storedRollups(directory).minute).toHaveLength(2)
    await passBoth(3 * DAY_MS)
    expect(dayFiles()).toHaveLength(1)
  })

  it('ahead is believed after a day: the machine was off for long', async () => {
    nowMs += 30 * DAY_MS
    for (let hour = 0; hour < 23; hour++) await passBoth(HOUR_MS)
    expect(dayFiles()).toHaveLength(2)
    await passBoth(2 * HOUR_MS)
    expect(dayFiles()).toHaveLength(0)
  })

  it('to 1972 and back keeps everything', async () => {
    const today = nowMs
    nowMs = Date.UTC(1972, 0, 1)
    await passBoth(HOUR_MS)
    nowMs = today
    await passBoth(12 * HOUR_MS)
    expect(await raw()).toHaveLength(2)
  })
})

describe('crash', () => {
  it('kill -9 in the middle of writes, and replay: no row lost or twice, roll-ups equal rows', async () => {
    const child = fileURLToPath(new URL('./crash-child.ts', import.meta.url))
    let kills = 0
    for (let survived = 0; survived < BATCHES; ) {
      const running = spawn(process.execPath, [child, directory], { stdio: ['ignore', 'inherit', 'inherit'] })
      const exited = once(running, 'exit')
      await untilBlock(survived + 2 + ((kills * 5) % 9), running)
      if (running.kill('SIGKILL')) kills++
      await exited
      const position = store.position()?.block ?? 0
      await reopen()
      expect(position).toBeGreaterThanOrEqual(survived)
      survived = position
    }
    expect(kills).toBeGreaterThan(3)
    await expectAllBatches()
  }, 120_000)

  /** A reader beside the process, as a dashboard would be. */
  async function untilBlock(wanted: number, running: ChildProcess): Promise<void> {
    const field = { device: 'd1', field: 'n', fromMs: clockAt(wanted), toMs: clockAt(wanted + 1) }
    while (running.exitCode === null) {
      if ((await history.raw(field, 1))?.points.length) return
      await sleep(1)
    }
  }

  const damages: [string, (bytes: Buffer) => Buffer][] = [
    ['shorter by 7 bytes', bytes => bytes.subarray(0, -7)],
    ['longer by 4 KiB of zeros', bytes => Buffer.concat([bytes, Buffer.alloc(4096)])],
    ['with its last 20 KB zeroed', bytes => Buffer.from(bytes).fill(0, Math.max(32, bytes.length - 20_000))],
    [
      'with three bytes flipped',
      bytes => {
        for (const back of [300, 5000, 9000]) bytes[bytes.length - back]! ^= 0x55
        return bytes
      },
    ],
    [
      'damaged in the middle',
      bytes => {
        bytes[bytes.length >> 1]! ^= 0x55
        return bytes
      },
    ],
    ['empty', () => Buffer.alloc(0)],
  ]
  it.each(
    damages.flatMap(([name, damage]) =>
      ['history-20260310', 'rollup'].map(file => [file, name, damage] as const),
    ),
  )(
    '%s.db opens with a log that is %s, and knows from where on to feed it again',
    async (file, _, damage) => {
      for (let block = 1; block <= 30; block++) {
        nowMs = clockAt(block)
        expect(await store.write(batchOf(block))).toStrictEqual(WRITTEN)
      }
      const copy = mkdtempSync(join(tmpdir(), 'trestle-damaged-'))
      cpSync(directory, copy, { recursive: true })
      await store.close()
      const log = join(copy, `${file}.db-wal`)
      writeFileSync(log, damage(readFileSync(log)))
      rmSync(directory, { recursive: true })
      renameSync(copy, directory)

      nowMs = clockAt(BATCHES + 1)
      store = open()
      const position = store.position()
      for (let block = (position?.block ?? 0) + 1; block <= BATCHES; block++) {
        expect(await store.write(batchOf(block))).toStrictEqual(WRITTEN)
      }
      await expectAllBatches()
    },
    60_000,
  )

  async function expectAllBatches(): Promise<void> {
    block = BATCHES
    nowMs = clockAt(BATCHES) + DAY_MS
    await pass(0)
    // Roll-ups take a little at a time: on a busy machine it is many times.
    for (let i = 0; i < 1000 && dirtyMinutes(directory) > 0; i++) await pass(MINUTE_MS)
    expect(storedRows(directory)).toStrictEqual(await rowsOfAllBatches())
    expect(storedRollups(directory)).toStrictEqual(rollupsOfRows(directory))
  }

  let allRows: string[] | null = null

  /** As an undisturbed store has them. */
  async function rowsOfAllBatches(): Promise<string[]> {
    if (allRows) return allRows
    const intact = mkdtempSync(join(tmpdir(), 'trestle-intact-'))
    const reference = new EmbeddedStore({ directory: intact, now: () => 0 })
    for (let block = 1; block <= BATCHES; block++) await reference.write(batchOf(block))
    await reference.close()
    allRows = storedRows(intact)
    rmSync(intact, { recursive: true })
    return allRows
  }
})

describe('a failing disk is a verdict', () => {
  it('full: retry', () => {
    const db = new DatabaseSync(':memory:')
    db.exec('PRAGMA max_page_count = 3; CREATE TABLE t (v)')
    const error = thrown(() => db.exec(`INSERT INTO t VALUES (zeroblob(100000))`))
    expect(verdictOf(error)).toStrictEqual({
      kind: 'retry',
      reason: 'embedded store: database or disk is full',
    })
    db.close()
  })

  it('locked by another process: retry, and written when it is free', async () => {
    await write(line(NOON, 'v=1'))
    const other = new DatabaseSync(join(directory, dayFiles()[0]!))
    other.exec('BEGIN IMMEDIATE')
    expect(await write(line(NOON, 'v=2'))).toStrictEqual({
      kind: 'retry',
      reason: 'embedded store: database is locked',
    })
    other.exec('ROLLBACK')
    other.close()
    expect(await write(line(NOON, 'v=2'))).toStrictEqual(WRITTEN)
    expect(await raw()).toMatchObject([{ value: 2 }])
  })

  it('no directory can be made: retry', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, '')
    const blocked = new EmbeddedStore({ directory: join(file, 'store') })
    expect(blocked.position()).toBeNull()
    expect(await blocked.write(batchOf(1))).toMatchObject({ kind: 'retry', reason: /ENOTDIR/ })
    await blocked.close()
  })

  it('written by a newer version: misconfigured', async () => {
    await write(line(NOON, 'v=1'))
    await store.close()
    const db = new DatabaseSync(join(directory, 'rollup.db'))
    db.exec('PRAGMA user_version = 99')
    db.close()
    await reopen()
    expect(await write()).toMatchObject({ kind: 'misconfigured', reason: /format 99/ })
  })

  it.each(['history-20260310.db', 'rollup.db'])(
    '%s damaged: set aside with a word, and ingest goes on',
    async name => {
      await write(line(NOON - DAY_MS, 'v=1'), line(NOON, 'v=2'), line(NOON + 1000, 'v=4'))
      await pass(HOUR_MS)
      await store.close()
      writeFileSync(join(directory, name), Buffer.alloc(20_000, 'damage'))
      await reopen()
      expect(await write(line(NOON + 2000, 'v=6'))).toMatchObject({ kind: 'retry', reason: /set aside as/ })
      expect(readdirSync(directory).filter(other => other.startsWith(`${name}.damaged-`))).toHaveLength(1)
      expect(await write(line(NOON + 2000, 'v=6'))).toStrictEqual(WRITTEN)
      await pass(MINUTE_MS)
      expect(await buckets(HOUR_MS)).toStrictEqual([bucket(NOON - DAY_MS, [1]), bucket(NOON, [2, 4, 6])])
    },
  )
})

describe('embedded history', () => {
  it('works before there is a directory', async () => {
    const early = new EmbeddedHistory(join(directory, 'not', 'yet'))
    expect(await early.buckets({ device: 'd', field: 'v', fromMs: 0, toMs: 1 }, 1)).toBeNull()
    expect(await early.lastValues()).toStrictEqual([])
    await early.close()
  })

  it('ends a query that takes too long, and answers the next', async () => {
    const impatient = new EmbeddedHistory(directory, { timeoutMs: 0 })
    await write(line(NOON, 'v=1'))
    await expect(impatient.lastValues()).rejects.toMatchObject({ code: 'too-slow' })
    await impatient.close()
    await expect(impatient.lastValues()).rejects.toMatchObject({ code: 'unavailable' })
    expect(await raw()).toHaveLength(1)
  })

  it('refuses an answer without bound', async () => {
    const times = Array.from({ length: 100_001 }, (_, i) => line(NOON + i, 'v=1'))
    await write(...times)
    await expect(buckets(1)).rejects.toMatchObject({ code: 'too-large' })
    expect(await buckets(10)).toHaveLength(10_001)
  })
})

function thrown(action: () => void): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('it did not throw')
}
