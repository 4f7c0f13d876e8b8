/**
 * The quarantine: messages that were acknowledged and could not be used, with the reason. A durable place of its own,
 * filled from the spool; bounded in all and per device, the oldest leave first and are counted.
 *
 * Used in the writer's thread: its calls wait for the disk.
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { decodeRecord, type QuarantineRecord, releasedEntry } from './record.ts'

export interface QuarantineOptions {
  readonly path: string
  readonly maxBytes: number
  readonly maxBytesPerDevice: number
}

export interface QuarantineEntry extends QuarantineRecord {
  readonly id: number
  /** The account has it here as a message; not so for what is a part of a message that has an entry already. */
  readonly isCounted: boolean
}

/** Where an entry comes from: adding it again after a crash changes nothing. */
export interface Origin {
  readonly block: number
  readonly index: number
}

/** Entries that the store refused are numbered from here, apart from those that a block carried. */
const REFUSED_INDEX = 1_000_000
/** And from here when their message is counted already, by an entry that the block carried. */
const UNCOUNTED_INDEX = 2_000_000

/** The last block that a quarantine knows of; 0 when there is none. */
export function lastQuarantinedBlock(path: string): number {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    return Number(db.prepare('SELECT block FROM meta').get()?.block ?? 0)
  } catch {
    return 0
  } finally {
    db?.close()
  }
}

/** The origin of a message that the store refused. */
export function refusedOrigin(block: number, message: number, isCounted: boolean): Origin {
  return { block, index: message + (isCounted ? REFUSED_INDEX : UNCOUNTED_INDEX) }
}

const BUSY_TIMEOUT_MS = 5000
/** What a row costs beside its texts. */
const ROW_BYTES = 128

interface Row {
  readonly id: number
  readonly idx: number
  readonly record: Uint8Array
}

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
  /** Of the sources that were seen lately: summing up a full share for every message would stall the thread. */
  readonly #ofSource = new Map<string, number>()
  #bytes = 0
  #evicted = 0

  constructor(options: QuarantineOptions) {
    this.#options = options
    this.#db = new DatabaseSync(options.path)
    this.#db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;')
    this.#db.exec(SCHEMA)
    this.#insert = this.#db.prepare(
      'INSERT OR IGNORE INTO entry(block, idx, source, bytes, record) VALUES (?, ?, ?, ?, ?)',
    )
    this.#load()
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

  /**
   * On return what a block held is on the disk, and the entries that it releases are gone. Blocks come in order, each
   * once: what was evicted or replayed since must not come back after a crash.
   */
  addBlock(block: number, held: readonly Uint8Array[]): void {
    if (block <= this.block) return
    this.#transaction(() => {
      held.forEach((bytes, index) => {
        const released = releasedEntry(Buffer.from(bytes))
        if (released === null) this.#addEntry({ block, index }, bytes)
        else this.#remove(released)
      })
      this.#db.prepare('UPDATE meta SET block = max(block, ?)').run(block)
    })
  }

  /** On return it is on the disk what the store refused. Adding it again changes nothing. */
  addRefused(origin: Origin, record: Uint8Array): void {
    this.#transaction(() => this.#addEntry(origin, record))
  }

  /** Counted messages that the store refused in the blocks behind `block`: they count again when it is fed again. */
  refusedBehind(block: number): number {
    return this.#number(
      'SELECT COUNT(*) AS n FROM entry WHERE block > ? AND idx >= ? AND idx < ?',
      block,
      REFUSED_INDEX,
      UNCOUNTED_INDEX,
    )
  }

  /** Newest first; `before` is the id that the last page ended with. */
  list(limit: number, before: number | null): QuarantineEntry[] {
    return this.#entries(
      'SELECT id, idx, record FROM entry WHERE id < ? ORDER BY id DESC LIMIT ?',
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    )
  }

  /** Oldest first, behind the id that the last page ended with. */
  listFrom(after: number, limit: number): QuarantineEntry[] {
    return this.#entries('SELECT id, idx, record FROM entry WHERE id > ? ORDER BY id LIMIT ?', after, limit)
  }

  count(): number {
    return this.#number('SELECT COUNT(*) AS n FROM entry')
  }

  close(): void {
    this.#db.close()
  }

  #transaction(action: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      action()
      this.#db.prepare('UPDATE meta SET evicted = ?').run(this.#evicted)
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#load()
      throw error
    }
  }

  #load(): void {
    this.#bytes = this.#number('SELECT COALESCE(SUM(bytes), 0) AS n FROM entry')
    this.#evicted = this.#number('SELECT evicted AS n FROM meta')
    this.#ofSource.clear()
  }

  #entries(query: string, ...parameters: number[]): QuarantineEntry[] {
    const rows = this.#db.prepare(query).all(...parameters) as unknown as Row[]
    return rows.map(({ id, idx, record }) => ({
      id,
      isCounted: idx < UNCOUNTED_INDEX,
      ...decodeRecord(Buffer.from(record)),
    }))
  }

  #addEntry(origin: Origin, bytes: Uint8Array): void {
    const source = sourceOf(bytes)
    const size = bytes.length + ROW_BYTES
    const before = this.#bytesOf(source)
    const { changes } = this.#insert.run(origin.block, origin.index, source, size, bytes)
    if (changes === 0) return
    this.#bytes += size
    this.#ofSource.set(source, before + size)
    this.#evict(source)
  }

  #remove(id: number): void {
    const row = this.#db.prepare('SELECT source, bytes FROM entry WHERE id = ?').get(id) as
      | { source: string; bytes: number }
      | undefined
    if (row === undefined) return
    const left = this.#bytesOf(row.source) - row.bytes
    this.#db.prepare('DELETE FROM entry WHERE id = ?').run(id)
    this.#bytes -= row.bytes
    if (left > 0) this.#ofSource.set(row.source, left)
    else this.#ofSource.delete(row.source)
  }

  #evict(source: string): void {
    const { maxBytes, maxBytesPerDevice } = this.#options
    while (this.#bytesOf(source) > maxBytesPerDevice)
      this.#drop('SELECT id, idx, source, bytes FROM entry WHERE source = ? ORDER BY id LIMIT 1', source)
    while (this.#bytes > maxBytes) this.#drop('SELECT id, idx, source, bytes FROM entry ORDER BY id LIMIT 1')
  }

  #drop(query: string, ...parameters: string[]): void {
    const { id, idx } = this.#db.prepare(query).get(...parameters) as { id: number; idx: number }
    this.#remove(id)
    // A part of a message that has an entry of its own was never counted here.
    if (idx < UNCOUNTED_INDEX) this.#evicted++
  }

  #bytesOf(source: string): number {
    const known = this.#ofSource.get(source)
    if (known !== undefined) return known
    return this.#number('SELECT COALESCE(SUM(bytes), 0) AS n FROM entry WHERE source = ?', source)
  }

  #number(query: string, ...parameters: (string | number)[]): number {
    return (this.#db.prepare(query).get(...parameters) as { n: number }).n
  }
}

/** Whose share of the quarantine it takes: the client's, or the topic's where no client is known. */
function sourceOf(bytes: Uint8Array): string {
  const { client, topic } = decodeRecord(Buffer.from(bytes))
  return client ?? topic
}
