/**
 * The quarantine: messages that were acknowledged and could not be used, with the reason. A durable place of its own,
 * filled from the spool; bounded in all and per device, the oldest leave first and are counted.
 *
 * Used in the writer's thread: its calls wait for the disk.
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { decodeRecord, type QuarantineRecord } from './record.ts'

export interface QuarantineOptions {
  readonly path: string
  readonly maxBytes: number
  readonly maxBytesPerDevice: number
}

export interface QuarantineEntry extends QuarantineRecord {
  readonly id: number
}

/** Where an entry comes from: adding it again after a crash changes nothing. */
export interface Origin {
  readonly block: number
  readonly index: number
}

/** Entries that the store refused are numbered from here, apart from those that a block carried. */
export const REFUSED_INDEX = 1_000_000
/** What a row costs beside its texts. */
const ROW_BYTES = 128

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entry(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    block INTEGER NOT NULL, idx INTEGER NOT NULL,
    source TEXT NOT NULL, bytes INTEGER NOT NULL, record BLOB NOT NULL,
    UNIQUE(block, idx)) STRICT;
  CREATE INDEX IF NOT EXISTS entry_source ON entry(source, id);
  CREATE TABLE IF NOT EXISTS meta(id INTEGER PRIMARY KEY CHECK(id = 1), block INTEGER NOT NULL, evicted INTEGER NOT NULL) STRICT;
  INSERT OR IGNORE INTO meta VALUES (1, 0, 0);
`

export class Quarantine {
  readonly #db: DatabaseSync
  readonly #options: QuarantineOptions
  readonly #insert: StatementSync
  #bytes: number
  #evicted: number

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#db = new DatabaseSync(options.path)
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;')
    this.#db.exec(SCHEMA)
    this.#insert = this.#db.prepare(
      'INSERT OR IGNORE INTO entry(block, idx, source, bytes, record) VALUES (?, ?, ?, ?, ?)',
    )
    this.#bytes = this.#number('SELECT COALESCE(SUM(bytes), 0) AS n FROM entry')
    this.#evicted = this.#number('SELECT evicted AS n FROM meta')
  }

  /** Every entry of the blocks up to this one is here. */
  get block(): number {
    return this.#number('SELECT block AS n FROM meta')
  }

  /** Entries that left for newer ones since the data directory was made. */
  get evicted(): number {
    return this.#evicted
  }

  /** On return it is on the disk that nothing of the blocks up to `block` is missing here. */
  markThrough(block: number): void {
    this.#db.prepare('UPDATE meta SET block = max(block, ?)').run(block)
  }

  /** On return the records are on the disk. */
  add(records: readonly { readonly origin: Origin; readonly bytes: Uint8Array }[]): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      for (const { origin, bytes } of records) {
        const source = sourceOf(bytes)
        const size = bytes.length + ROW_BYTES
        const { changes } = this.#insert.run(origin.block, origin.index, source, size, bytes)
        if (changes === 0) continue
        this.#bytes += size
        this.#evict(source)
      }
      this.#db.prepare('UPDATE meta SET evicted = ?').run(this.#evicted)
      this.#db.exec('COMMIT')
    } catch (error) {
      this.#db.exec('ROLLBACK')
      this.#bytes = this.#number('SELECT COALESCE(SUM(bytes), 0) AS n FROM entry')
      this.#evicted = this.#number('SELECT evicted AS n FROM meta')
      throw error
    }
  }

  /** Newest first; `before` is the id that the last page ended with. */
  list(limit: number, before: number | null): QuarantineEntry[] {
    const rows = this.#db
      .prepare('SELECT id, record FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?')
      .all(before ?? Number.MAX_SAFE_INTEGER, limit) as { id: number; record: Uint8Array }[]
    return rows.map(({ id, record }) => ({ id, ...decodeRecord(Buffer.from(record)) }))
  }

  count(): number {
    return this.#number('SELECT COUNT(*) AS n FROM entry')
  }

  close(): void {
    this.#db.close()
  }

  #evict(source: string): void {
    const { maxBytes, maxBytesPerDevice } = this.#options
    let ofSource = this.#number('SELECT COALESCE(SUM(bytes), 0) AS n FROM entry WHERE source = ?', source)
    while (ofSource > maxBytesPerDevice)
      ofSource -= this.#drop('SELECT id, bytes FROM entry WHERE source = ? ORDER BY id LIMIT 1', source)
    while (this.#bytes > maxBytes) this.#drop('SELECT id, bytes FROM entry ORDER BY id LIMIT 1')
  }

  #drop(query: string, ...parameters: string[]): number {
    const row = this.#db.prepare(query).get(...parameters) as { id: number; bytes: number }
    this.#db.prepare('DELETE FROM entry WHERE id = ?').run(row.id)
    this.#bytes -= row.bytes
    this.#evicted++
    return row.bytes
  }

  #number(query: string, ...parameters: string[]): number {
    return (this.#db.prepare(query).get(...parameters) as { n: number }).n
  }
}

/** Whose share of the quarantine it takes: the client's, or the topic's where no client is known. */
function sourceOf(bytes: Uint8Array): string {
  const { client, topic } = decodeRecord(Buffer.from(bytes))
  return client ?? topic
}
