import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Tags } from '../../telemetry/reading.ts'
import type { SeriesField } from '../line-protocol.ts'

/** Codes in the files: never renumber. */
export const NUMBER = 0
export const BOOLEAN = 1
export const TEXT = 2
export type Kind = typeof NUMBER | typeof BOOLEAN | typeof TEXT

/**
 * Each file numbers its series itself, so that it can be read, copied or lost without the others.
 * `part` is explained in `retention.ts`; within a day file it is the same everywhere.
 */
export const SERIES_SCHEMA = `
  CREATE TABLE series (
    sid INTEGER PRIMARY KEY, device TEXT NOT NULL, field TEXT NOT NULL, measurement TEXT NOT NULL,
    tags TEXT NOT NULL, kind INTEGER NOT NULL, part INTEGER NOT NULL,
    UNIQUE (device, field, measurement, tags, kind, part)
  );
`

export interface Series {
  readonly device: string
  readonly field: string
  readonly measurement: string
  /** JSON of the tags other than `device`, sorted. */
  readonly tags: string
  readonly kind: Kind
  readonly part: number
}

/** The series of one file: found, or added within the transaction at hand. */
export class SeriesTable {
  readonly #find: StatementSync
  readonly #insert: StatementSync
  readonly #get: StatementSync
  readonly #all: StatementSync
  // By kind and part, then by the parser's objects: a series costs its text once, not once per batch.
  readonly #known = new Map<number, WeakMap<SeriesField, number>>()
  readonly #texts = new WeakMap<Tags, string>()

  constructor(db: DatabaseSync) {
    const columns = ['device', 'field', 'measurement', 'tags', 'kind', 'part']
    this.#find = db.prepare(
      `SELECT sid FROM series WHERE ${columns.map(name => `${name} = ?`).join(' AND ')}`,
    )
    this.#insert = db.prepare(`INSERT INTO series (${columns}) VALUES (${columns.map(() => '?')})`)
    this.#get = db.prepare(`SELECT ${columns} FROM series WHERE sid = ?`)
    this.#all = db.prepare('SELECT sid FROM series')
  }

  sidOf(field: SeriesField, kind: Kind, part: number): number {
    const key = part * 4 + kind
    let sids = this.#known.get(key)
    if (!sids) {
      sids = new WeakMap()
      this.#known.set(key, sids)
    }
    let sid = sids.get(field)
    if (sid === undefined) {
      const { measurement, tags } = field
      sid = this.add({
        device: tags.device ?? '',
        field: field.field,
        measurement,
        tags: this.#textOf(tags),
        kind,
        part,
      })
      sids.set(field, sid)
    }
    return sid
  }

  #textOf(tags: Tags): string {
    let text = this.#texts.get(tags)
    if (text === undefined) {
      text = canonicalTags(tags)
      this.#texts.set(tags, text)
    }
    return text
  }

  add({ device, field, measurement, tags, kind, part }: Series): number {
    const row = [device, field, measurement, tags, kind, part]
    return Number(this.#find.get(...row)?.sid ?? this.#insert.run(...row).lastInsertRowid)
  }

  all(): number[] {
    return this.#all.all().map(({ sid }) => Number(sid))
  }

  get(sid: number): Series {
    const row = this.#get.get(sid)
    if (!row) throw new Error(`no series ${sid}`)
    return row as unknown as Series
  }
}

/** Without `device`; the same text for the same tags, in whatever order they came. */
function canonicalTags({ device: _, ...tags }: Tags): string {
  return JSON.stringify(Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1))))
}
