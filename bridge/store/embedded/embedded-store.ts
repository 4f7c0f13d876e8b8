import { LineParser } from '../line-protocol.ts'
import type { Batch, Position, Store, Verdict } from '../store.ts'
import { type Column, Columns } from './columns.ts'
import { isDamage, verdictOf } from './database.ts'
import type { DayFile } from './day-file.ts'
import { Files, setDamagedAside } from './files.ts'
import { type Retention, sweepDays, sweepRollups } from './retention.ts'
import { RetentionClock } from './retention-clock.ts'
import { rollUp } from './rollup.ts'
import { MINUTE_US } from './units.ts'

const DAY_MS = 86_400_000

const DEFAULT_RETENTION: Retention = { rawMs: 7 * DAY_MS, minuteMs: 90 * DAY_MS, hourMs: 730 * DAY_MS }

/** Late points come in bursts: each minute is recomputed once for a burst, not once for a point. */
const ROLLUP_INTERVAL_MS = 10_000
/** What roll-ups may take at a time, and a step beyond it; between batches also a quarter of the last one's time. */
const ROLLUP_BUDGET_MS = 50
const SWEEP_INTERVAL_MS = 600_000
const TICK_MS = 1000
/** In memory at once, some 10 MB: a batch of lines with a hundred fields each is written in several transactions. */
const MAX_VALUES = 250_000

export interface EmbeddedStoreOptions {
  readonly directory: string
  /** Defaults: raw 7 days, minutes 90 days, hours 2 years. */
  readonly retention?: Partial<Retention>
  /** Milliseconds since the epoch; for tests of retention. */
  readonly now?: () => number
  /** Milliseconds of a clock that nobody sets, likewise. */
  readonly uptime?: () => number
}

/**
 * The store that needs nothing installed: `node:sqlite`, synchronous, to be used in a worker thread.
 *
 *     history-YYYYMMDD.db   raw rows of a day, and which of its minutes are not rolled up yet
 *     rollup.db             minutes, hours, newest values, place in the spool
 *
 * A batch is committed to the files of its days first and to `rollup.db` last; repeated from the spool after a
 * crash in between, it changes nothing.
 */
export class EmbeddedStore implements Store {
  /** Large batches fill pages one after the other: a line of 50,000 costs a third of one of 5,000. */
  readonly maxLines = 50_000
  readonly lingerMs = 500
  readonly #directory: string
  readonly #retention: Retention
  readonly #now: () => number
  readonly #uptime: () => number
  readonly #parser = new LineParser()
  readonly #ticks: NodeJS.Timeout
  #files: Files | null = null
  #clock: RetentionClock | null = null
  #lastRollupMs = 0
  #lastSweepMs = 0
  #sweepStep: (() => boolean) | null = null

  /** Nothing is opened yet: a disk that is full or broken is a verdict, not an error. */
  constructor({ directory, retention, now = Date.now, uptime = monotonicMs }: EmbeddedStoreOptions) {
    this.#directory = directory
    this.#retention = { ...DEFAULT_RETENTION, ...retention }
    this.#now = now
    this.#uptime = uptime
    this.#ticks = setInterval(() => this.#maintain(ROLLUP_BUDGET_MS), TICK_MS).unref()
  }

  async write(batch: Batch): Promise<Verdict> {
    const startedMs = performance.now()
    try {
      const files = this.#open()
      let columns = new Columns()
      for (const lines of batch.lines) {
        const parsed = columns.read(this.#parser, lines)
        if (!parsed.ok) return { kind: 'rejected', reason: parsed.reason }
        if (columns.size < MAX_VALUES) continue
        this.#commit(files, columns, files.position)
        columns = new Columns()
      }
      this.#commit(files, columns, batch.position?.block ?? files.position)
    } catch (error) {
      return this.#verdictOf(error)
    }
    this.#maintain(Math.max(ROLLUP_BUDGET_MS, (performance.now() - startedMs) / 4))
    return { kind: 'written' }
  }

  /** Null also while the files cannot be opened: then the spool's own cursor counts. */
  position(): Position | null {
    try {
      return { block: this.#open().position }
    } catch (error) {
      this.#verdictOf(error)
      return null
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#ticks)
    this.#closeFiles()
  }

  #open(): Files {
    this.#files ??= new Files(this.#directory)
    this.#clock ??= new RetentionClock(this.#files.rollup.clock, this.#now, this.#uptime)
    return this.#files
  }

  #commit(files: Files, columns: Columns, position: number): void {
    const days = new Map<DayFile, readonly Column[]>()
    for (const [day, columnsOfDay] of columns.days()) {
      const file = files.day(day)
      file.write(columnsOfDay, position, this.#clock!.now())
      days.set(file, columnsOfDay)
    }
    files.rollup.commit(days, position)
  }

  /** Roll-ups and retention, a little at a time. What fails here is repeated; a write will tell of it. */
  #maintain(budgetMs: number): void {
    if (!this.#files) return
    try {
      const nowMs = this.#now()
      if (
        isDue(this.#lastRollupMs, ROLLUP_INTERVAL_MS, nowMs) &&
        this.#rollUp(this.#files, nowMs, budgetMs)
      ) {
        this.#lastRollupMs = nowMs
      }
      if (isDue(this.#lastSweepMs, SWEEP_INTERVAL_MS, nowMs) && this.#sweep(this.#files)) {
        this.#lastSweepMs = nowMs
      }
    } catch (error) {
      this.#verdictOf(error)
    }
  }

  #rollUp(files: Files, nowMs: number, budgetMs: number): boolean {
    const currentMinute = Math.floor((nowMs * 1000) / MINUTE_US)
    const deadline = performance.now() + budgetMs
    return [...files.rollup.dirtyDays].every(day =>
      rollUp(files.day(day), files.rollup, currentMinute, deadline - performance.now()),
    )
  }

  #sweep(files: Files): boolean {
    const nowMs = this.#clock!.now()
    files.rollup.saveClock(this.#clock!.state)
    if (!sweepDays(files, this.#retention.rawMs, nowMs, ROLLUP_BUDGET_MS)) return false
    this.#sweepStep ??= sweepRollups(files.rollup, this.#retention, nowMs)
    if (!this.#sweepStep()) return false
    this.#sweepStep = null
    return true
  }

  /** Everything is closed and begins anew. A file that is damaged would stop ingest for ever: it steps aside. */
  #verdictOf(error: unknown): Verdict {
    this.#closeFiles()
    const verdict = verdictOf(error)
    const aside = isDamage(error) ? setDamagedAside(this.#directory) : []
    if (aside.length === 0) return verdict
    return {
      kind: 'retry',
      reason: `embedded store: damaged, set aside as ${aside.join(', ')}`,
      afterMs: 100,
    }
  }

  #closeFiles(): void {
    this.#sweepStep = null
    this.#files?.close()
    this.#files = null
  }
}

function monotonicMs(): number {
  return performance.now()
}

/** Also when the clock was set back. */
function isDue(lastMs: number, intervalMs: number, nowMs: number): boolean {
  return nowMs >= lastMs + intervalMs || nowMs < lastMs
}
