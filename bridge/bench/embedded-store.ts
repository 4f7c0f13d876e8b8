/**
 * How fast the embedded store takes line protocol, and how fast it answers.
 *
 *     node bridge/bench/embedded-store.ts [lines] [hours]
 *
 * 1,000 devices, three fields a line, batches of 50,000 lines, spread over the last `hours` (700,000 lines and 24
 * hours: 2.1 M values). The last line is JSON.
 */

import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedStore } from '../store/embedded/embedded-store.ts'
import { EmbeddedHistory } from '../store/embedded/history.ts'
import { LineParser } from '../store/line-protocol.ts'

const DEVICES = 1000
const FIELDS = 3
const BATCH_LINES = 50_000
const HOUR_MS = 3_600_000

const lines = Number(process.argv[2] ?? 700_000)
const hours = Number(process.argv[3] ?? 24)
const endMs = Math.floor(Date.now() / 1000) * 1000
const startMs = endMs - hours * HOUR_MS
const result: Record<string, number> = {}

const directory = mkdtempSync(join(tmpdir(), 'trestle-bench-'))
const store = new EmbeddedStore({ directory })
const history = new EmbeddedHistory(directory)
try {
  benchParser()
  await benchIngest()
  await benchQueries()
} finally {
  await history.close()
  await store.close()
  rmSync(directory, { recursive: true })
}
console.log(JSON.stringify(result))

function benchParser(): void {
  const parser = new LineParser()
  const bytes = batchOf(0, BATCH_LINES)
  let values = 0
  for (let warmUp = 0; warmUp < 3; warmUp++) parser.parse(bytes, () => values++)
  const started = performance.now()
  for (let i = 0; i < 10; i++) parser.parse(bytes, () => values++)
  result.parseUsPerLine = round((performance.now() - started) / (10 * (BATCH_LINES / 1000)))
  console.log(`parse: ${result.parseUsPerLine} µs a line of ${Math.round(bytes.length / BATCH_LINES)} bytes`)
}

async function benchIngest(): Promise<void> {
  const timesMs: number[] = []
  const before = process.cpuUsage()
  for (let from = 0; from < lines; from += BATCH_LINES) {
    const bytes = batchOf(from, Math.min(from + BATCH_LINES, lines))
    const started = performance.now()
    const verdict = await store.write({
      lines: [bytes],
      lineCount: BATCH_LINES,
      position: { block: from + 1 },
    })
    timesMs.push(performance.now() - started)
    if (verdict.kind !== 'written') throw new Error(JSON.stringify(verdict))
  }
  const { user, system } = process.cpuUsage(before)
  const seconds = timesMs.reduce((sum, ms) => sum + ms) / 1000
  timesMs.sort((a, b) => a - b)
  result.linesPerSecond = Math.round(lines / seconds)
  result.rowsPerSecond = Math.round((lines * FIELDS) / seconds)
  result.batchP50Ms = round(timesMs[timesMs.length >> 1]!)
  result.batchMaxMs = round(timesMs.at(-1)!)
  result.cpuUsPerLine = round((user + system) / lines)
  const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  result.bytesPerRow = round(bytes / (lines * FIELDS))
  result.rssMb = Math.round(process.memoryUsage.rss() / 1e6)
  console.log(
    `ingest: ${result.linesPerSecond} lines/s, ${result.rowsPerSecond} rows/s; a batch of ${BATCH_LINES} takes ` +
      `${result.batchP50Ms} ms, at most ${result.batchMaxMs}; ${result.bytesPerRow} bytes a row with logs and roll-ups`,
  )
}

async function benchQueries(): Promise<void> {
  const query = { device: 'device-500', field: 'temperature', toMs: endMs }
  const lastHour = { ...query, fromMs: endMs - HOUR_MS }
  const lastDay = { ...query, fromMs: endMs - 24 * HOUR_MS }
  const lastWeek = { ...query, fromMs: endMs - 168 * HOUR_MS }
  await history.raw(lastHour, 10_000)
  await time('rawHourMs', async () => (await history.raw(lastHour, 10_000))?.points ?? null)
  await time('hourBy15sMs', () => history.buckets(lastHour, 15_000))
  await time('dayByMinuteMs', () => history.buckets(lastDay, 60_000))
  await time('weekByHourMs', () => history.buckets(lastWeek, HOUR_MS))
  await time('lastValuesMs', () => history.lastValues())
}

/** The median of nine. */
async function time(name: string, ask: () => Promise<readonly unknown[] | null>): Promise<void> {
  const timesMs: number[] = []
  let rows = 0
  for (let i = 0; i < 9; i++) {
    const started = performance.now()
    rows = (await ask())?.length ?? 0
    timesMs.push(performance.now() - started)
  }
  result[name] = round(timesMs.sort((a, b) => a - b)[4]!)
  console.log(`${name}: ${result[name]} (${rows} rows)`)
}

/** Lines `from` to `to` of the whole, device after device, in the order of time. */
function batchOf(from: number, to: number): Buffer {
  const batch: string[] = []
  for (let i = from; i < to; i++) {
    const device = `device-${i % DEVICES}`
    const room = `room-${(i % DEVICES) % 12}`
    const timeMs = Math.round(startMs + ((endMs - startMs) * i) / lines)
    const temperature = (20 + 5 * Math.sin(i / 7919)).toFixed(2)
    const humidity = (50 + 10 * Math.cos(i / 104_729)).toFixed(1)
    const battery = 100 - (i % 37)
    batch.push(
      `reading,device=${device},room=${room},topic=home/${room}/${device} ` +
        `temperature=${temperature},humidity=${humidity},battery=${battery} ${timeMs}000000\n`,
    )
  }
  return Buffer.from(batch.join(''))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
