/** The broker's state on the disk: its tables, what is read at start, and how changes are applied. */

import { existsSync, renameSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

/** What became of one thing. Each is idempotent: a change may be applied again. */
export type Change =
  | {
      readonly kind: 'session'
      readonly client: string
      readonly idleMs: number
      readonly grants: string
      readonly expiryMs: number | null
    }
  | { readonly kind: 'no-session'; readonly client: string }
  | ({ readonly kind: 'delivery' } & DeliveryRow)
  | {
      readonly kind: 'sent'
      readonly id: number
      readonly packetId: number | null
      readonly isReleased: boolean
    }
  | { readonly kind: 'no-delivery'; readonly id: number }
  | { readonly kind: 'incoming' | 'no-incoming'; readonly client: string; readonly packetId: number }
  | ({ readonly kind: 'retained' } & RetainedRow)
  | { readonly kind: 'no-retained'; readonly topic: string }
  | ({ readonly kind: 'will' } & WillRow)
  | { readonly kind: 'no-will'; readonly client: string }
  | ({ readonly kind: 'owner' } & OwnerRow)
  | ({ readonly kind: 'no-owner' } & Pick<OwnerRow, 'what' | 'key'>)

export interface DeliveryRow extends PropertyColumns {
  readonly id: number
  readonly client: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: number
  readonly retain: boolean
  /** With commas between; null: none. */
  readonly subscriptionIds: string | null
  readonly share: string | null
  readonly packetId: number | null
  readonly isReleased: boolean
}

/** Of MQTT 5; null: none. */
export interface PropertyColumns {
  readonly properties: Uint8Array | null
  readonly expiresAtMs: number | null
}

export interface RetainedRow extends PropertyColumns {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: number
}

export interface WillRow {
  readonly client: string
  readonly broker: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: number
  readonly retain: boolean
  /** Of MQTT 5; `delayMs` null: none, of an earlier version of ours. */
  readonly properties: Uint8Array | null
  readonly messageExpiryMs: number | null
  readonly delayMs: number | null
}

/** Whose a session or will (by client id) or a retained message (by topic) is; no row: nobody's in particular. */
export interface OwnerRow {
  readonly what: 'client' | 'topic'
  readonly key: string
  readonly identity: string
}

export interface SavedState {
  readonly sessions: readonly { client: string; idleMs: number; grants: string; expiryMs: number | null }[]
  readonly deliveries: readonly DeliveryRow[]
  readonly incoming: readonly { client: string; packetId: number }[]
  readonly retained: readonly RetainedRow[]
  readonly wills: readonly WillRow[]
  readonly owners: readonly OwnerRow[]
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS session (client TEXT PRIMARY KEY, idleMs REAL NOT NULL, grants TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
  id INTEGER PRIMARY KEY, client TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
  packetId INTEGER, isReleased INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS incoming (client TEXT, packetId INTEGER, PRIMARY KEY (client, packetId)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retained (topic TEXT PRIMARY KEY, payload BLOB NOT NULL, qos INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS will (
  client TEXT PRIMARY KEY, broker TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
  retain INTEGER NOT NULL
);
`

/** What was added later, in order: the file knows how many of these it has (`user_version`, from 1 on). */
const ADDITIONS = [
  `
ALTER TABLE session ADD COLUMN expiryMs REAL;
ALTER TABLE delivery ADD COLUMN retain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN subscriptionIds TEXT;
ALTER TABLE delivery ADD COLUMN share TEXT;
ALTER TABLE delivery ADD COLUMN properties BLOB;
ALTER TABLE delivery ADD COLUMN expiresAtMs REAL;
ALTER TABLE retained ADD COLUMN properties BLOB;
ALTER TABLE retained ADD COLUMN expiresAtMs REAL;
ALTER TABLE will ADD COLUMN properties BLOB;
ALTER TABLE will ADD COLUMN messageExpiryMs REAL;
ALTER TABLE will ADD COLUMN delayMs REAL;
`,
  `
CREATE TABLE owner (
  what TEXT NOT NULL, key TEXT NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (what, key)
) WITHOUT ROWID;
`,
]

/**
 * FULL: a commit is on the disk when it returns, and a power cut costs nothing that was promised. NORMAL survives
 * kill -9 as well, but a power cut could take the last half minute of commands that were acknowledged. Measured at
 * 5,000 messages/s for a sleeping client (bench/sessions.ts): both keep up, in groups of 60 (FULL) and 50 (NORMAL).
 */
function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SCHEMA}`)
  complete(database)
  return database
}

function complete(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  for (let i = Math.max(1, version); i <= ADDITIONS.length; i++)
    database.exec(`BEGIN; ${ADDITIONS[i - 1]} PRAGMA user_version = ${i + 1}; COMMIT`)
}

/** Everything, for memory. A damaged file steps aside under the name that is returned: starting comes first. */
export function readState(path: string): { readonly state: SavedState; readonly damaged: string | null } {
  try {
    return { state: read(path), damaged: null }
  } catch (error) {
    if (!/malformed|not a database|corrupt/i.test((error as Error).message)) throw error
    const damaged = `${path}.damaged-${Date.now()}`
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, damaged + suffix)
    }
    return { state: read(path), damaged }
  }
}

function read(path: string): SavedState {
  const database = open(path)
  try {
    const all = <T>(sql: string) => database.prepare(sql).all() as T[]
    return {
      sessions: all('SELECT client, idleMs, grants, expiryMs FROM session'),
      deliveries: all<DeliveryRow>('SELECT * FROM delivery ORDER BY id').map(row => ({
        ...row,
        isReleased: Boolean(row.isReleased),
        retain: Boolean(row.retain),
      })),
      incoming: all('SELECT client, packetId FROM incoming'),
      retained: all('SELECT topic, payload, qos, properties, expiresAtMs FROM retained ORDER BY rowid'),
      wills: all<WillRow>('SELECT * FROM will').map(row => ({ ...row, retain: Boolean(row.retain) })),
      owners: all('SELECT what, key, identity FROM owner'),
    }
  } finally {
    database.close()
  }
}

/** The one writer. */
export class StateDatabase {
  readonly #database: DatabaseSync
  readonly #statements: Readonly<Record<Change['kind'], StatementSync>>

  constructor(path: string) {
    this.#database = open(path)
    const prepare = (sql: string) => this.#database.prepare(sql)
    const insert = (table: string, columns: string) =>
      prepare(`INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${columns.replace(/\w+/g, '?')})`)
    this.#statements = {
      session: insert('session', 'client, idleMs, grants, expiryMs'),
      'no-session': prepare('DELETE FROM session WHERE client = ?'),
      delivery: insert(
        'delivery',
        'id, client, topic, payload, qos, packetId, isReleased, retain, subscriptionIds, share, properties, expiresAtMs',
      ),
      sent: prepare('UPDATE delivery SET packetId = ?, isReleased = ? WHERE id = ?'),
      'no-delivery': prepare('DELETE FROM delivery WHERE id = ?'),
      incoming: prepare('INSERT OR IGNORE INTO incoming VALUES (?, ?)'),
      'no-incoming': prepare('DELETE FROM incoming WHERE client = ? AND packetId = ?'),
      retained: insert('retained', 'topic, payload, qos, properties, expiresAtMs'),
      'no-retained': prepare('DELETE FROM retained WHERE topic = ?'),
      will: insert(
        'will',
        'client, broker, topic, payload, qos, retain, properties, messageExpiryMs, delayMs',
      ),
      'no-will': prepare('DELETE FROM will WHERE client = ?'),
      owner: insert('owner', 'what, key, identity'),
      'no-owner': prepare('DELETE FROM owner WHERE what = ? AND key = ?'),
    }
  }

  /** All of them or, with a throw, none. */
  apply(changes: readonly Change[]): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      for (const change of changes) this.#apply(change)
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#database.close()
  }

  #apply(change: Change): void {
    const statement = this.#statements[change.kind]
    switch (change.kind) {
      case 'session':
        statement.run(change.client, change.idleMs, change.grants, change.expiryMs)
        return
      case 'delivery': {
        const { id, client, topic, payload, qos, packetId, isReleased } = change
        const { retain, subscriptionIds, share, properties, expiresAtMs } = change
        const flags = [Number(isReleased), Number(retain)]
        statement.run(
          id,
          client,
          topic,
          payload,
          qos,
          packetId,
          ...flags,
          subscriptionIds,
          share,
          properties,
          expiresAtMs,
        )
        return
      }
      case 'sent':
        statement.run(change.packetId, Number(change.isReleased), change.id)
        return
      case 'no-delivery':
        statement.run(change.id)
        return
      case 'incoming':
      case 'no-incoming':
        statement.run(change.client, change.packetId)
        return
      case 'retained':
        statement.run(change.topic, change.payload, change.qos, change.properties, change.expiresAtMs)
        return
      case 'no-retained':
        statement.run(change.topic)
        return
      case 'will': {
        const { client, broker, topic, payload, qos, retain, properties, messageExpiryMs, delayMs } = change
        statement.run(
          client,
          broker,
          topic,
          payload,
          qos,
          Number(retain),
          properties,
          messageExpiryMs,
          delayMs,
        )
        return
      }
      case 'owner':
        statement.run(change.what, change.key, change.identity)
        return
      case 'no-owner':
        statement.run(change.what, change.key)
        return
      case 'no-session':
      case 'no-will':
        statement.run(change.client)
    }
  }
}
