import { DatabaseSync } from 'node:sqlite'
import type { Verdict } from '../store.ts'

/** Kept as `user_version` in every file. */
const FORMAT = 1

/** How long to wait for another process that holds a file (a backup, a curious `sqlite3`). */
const BUSY_TIMEOUT_MS = 2000

/** Rows per statement. One by one: 690,000 rows/s; 10: 870,000; 32 and more: 950,000. */
const ROWS_PER_INSERT = 32

export class FormatError extends Error {
  readonly code = 'newer-format'
}

/**
 * Opens or makes a file. `schema` runs once, when it is new.
 * Throws what SQLite throws, and a FormatError for a file that a newer version has written.
 */
export function openForWriting(path: string, schema: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false })
  try {
    // auto_vacuum has to come before the first page is written, that is before WAL.
    db.exec(`
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -32768;
      PRAGMA temp_store = MEMORY;
    `)
    const format = formatOf(db)
    if (format > FORMAT) {
      throw new FormatError(`${path} has format ${format}; this version reads up to ${FORMAT}`)
    }
    if (format === 0) transaction(db, () => db.exec(`${schema}; PRAGMA user_version = ${FORMAT}`))
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Null while the file is not there yet, or not finished. */
export function openForReading(path: string): DatabaseSync | null {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    // A long scan must not fill the memory: no mmap, a small cache.
    db.exec('PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY')
    if (formatOf(db) === FORMAT) return db
  } catch (error) {
    if (sqliteCode(error) !== CANTOPEN) {
      db?.close()
      throw error
    }
  }
  db?.close()
  return null
}

function formatOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version)
}

/** All or nothing, on disk when it returns. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    // After an I/O error SQLite may have rolled back on its own.
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

type Cell = number | string | null

/** Inserts or replaces rows, many per statement; the last ones with `flush`. */
export class BulkInsert {
  readonly #columns: number
  readonly #insertMany
  readonly #insertOne
  #cells: Cell[] = []

  constructor(db: DatabaseSync, table: string, columns: number) {
    const row = `(${Array(columns).fill('?').join(',')})`
    this.#columns = columns
    this.#insertOne = db.prepare(`INSERT OR REPLACE INTO ${table} VALUES ${row}`)
    this.#insertMany = db.prepare(
      `INSERT OR REPLACE INTO ${table} VALUES ${Array(ROWS_PER_INSERT).fill(row).join(',')}`,
    )
  }

  add(...row: Cell[]): void {
    this.#cells.push(...row)
    if (this.#cells.length < this.#columns * ROWS_PER_INSERT) return
    this.#insertMany.run(...this.#cells)
    this.#cells = []
  }

  flush(): void {
    for (let at = 0; at < this.#cells.length; at += this.#columns) {
      this.#insertOne.run(...this.#cells.slice(at, at + this.#columns))
    }
    this.#cells = []
  }
}

// SQLite's primary result codes.
const CORRUPT = 11
const CANTOPEN = 14
const NOTADB = 26

/** Null for an error that is not SQLite's. */
function sqliteCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : null
}

/** What a file holds is no longer what was written to it. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === CORRUPT || code === NOTADB
}

/** Reads all of it: a second for some hundred megabytes. */
export function isDamaged(path: string): boolean {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    return db.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok'
  } catch (error) {
    return isDamage(error)
  } finally {
    db?.close()
  }
}

/**
 * Disk full, file locked, broken or not readable: all of it can be mended by a person while the spool keeps the
 * readings, so all of it is `retry`. What is not the world's fault is thrown on.
 */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof FormatError) return { kind: 'misconfigured', reason: error.message }
  const isOfTheWorld = sqliteCode(error) !== null || (error instanceof Error && 'syscall' in error)
  if (!isOfTheWorld) throw error
  return { kind: 'retry', reason: `embedded store: ${(error as Error).message}` }
}
