/**
 * `identities.db`: who is known. Written by the commands beside the bridge, also while it runs; read whole by both.
 *
 * It is made complete under another name and linked into place, so that nobody ever sees half of it, and two who make
 * it at once end with one. `identity.key` is made after it: where that is and the database is not, somebody took it
 * away, and nobody may take that for "nobody is known, so everybody may".
 */

import { randomBytes } from 'node:crypto'
import { chmodSync, closeSync, existsSync, linkSync, openSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { z } from 'zod'
import { SetupError } from '../data-directory.ts'
import { ROLES } from '../live/access.ts'
import { ALL_EARLIER, type EndedSession } from './ended-sessions.ts'
import { parseHash } from './secrets.ts'
import { makeKey, readKey } from './signing.ts'

/** A newer one is refused; an older one is brought here, step by step. */
const FORMAT_VERSION = 2

const ENDED_SESSION = `
CREATE TABLE endedSession (
  identity TEXT NOT NULL, session TEXT NOT NULL, expiresAtMs INTEGER NOT NULL, PRIMARY KEY (identity, session)
) WITHOUT ROWID;
`
/** From each version to the next. */
const STEPS: readonly string[] = ['', ENDED_SESSION]

const SCHEMA = `
CREATE TABLE device (
  id TEXT PRIMARY KEY, identity TEXT NOT NULL UNIQUE, secret TEXT, gateway INTEGER NOT NULL, allow TEXT NOT NULL,
  version INTEGER NOT NULL, createdMs INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE user (
  name TEXT PRIMARY KEY, identity TEXT NOT NULL UNIQUE, password TEXT NOT NULL, role TEXT NOT NULL,
  version INTEGER NOT NULL, createdMs INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE token (
  name TEXT PRIMARY KEY, identity TEXT NOT NULL UNIQUE, role TEXT NOT NULL, version INTEGER NOT NULL,
  expiresAtMs INTEGER, createdMs INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE certificate (
  fingerprint TEXT PRIMARY KEY, identity TEXT NOT NULL, dead INTEGER NOT NULL
) WITHOUT ROWID;
${ENDED_SESSION}
PRAGMA user_version = ${FORMAT_VERSION};
`

const role = z.enum(ROLES)
const hash = z.string().refine(text => parseHash(text) !== null)
const text = z.string().min(1)
const version = z.number().int().positive()

const deviceSchema = z.object({
  id: text,
  /** Random: one of the same name, made after it was revoked, is another. */
  identity: text,
  /** Null: it shows a certificate. */
  secret: hash.nullable(),
  gateway: z.number().transform(Boolean),
  allow: z.string().transform(json => z.array(text).parse(JSON.parse(json))),
  /** Grows with each change. */
  version,
  createdMs: z.number(),
})
const userSchema = z.object({
  name: text,
  identity: text,
  password: hash,
  role,
  version,
  createdMs: z.number(),
})
const tokenSchema = z.object({
  name: text,
  identity: text,
  role,
  version,
  expiresAtMs: z.number().nullable(),
  createdMs: z.number(),
})
const certificateSchema = z.object({ fingerprint: text, identity: text, dead: z.number().transform(Boolean) })
const endedSchema = z.object({ identity: text, session: z.string(), expiresAtMs: z.number() })

export type DeviceRow = Readonly<z.infer<typeof deviceSchema>>
export type UserRow = Readonly<z.infer<typeof userSchema>>
export type TokenRow = Readonly<z.infer<typeof tokenSchema>>
/** One that a device showed; dead ones never come back, whatever their name. */
export type CertificateRow = Readonly<z.infer<typeof certificateSchema>>

export interface KnownIdentities {
  readonly devices: readonly DeviceRow[]
  readonly users: readonly UserRow[]
  readonly tokens: readonly TokenRow[]
  readonly certificates: readonly CertificateRow[]
  readonly endedSessions: readonly EndedSession[]
}

type Row = DeviceRow | UserRow | TokenRow
type Seen = Map<string, { readonly text: string; readonly row: Row }>

const LOCK_TIMEOUT_MS = 5000

export function databasePath(dataDir: string): string {
  return join(dataDir, 'identities.db')
}

/** Whether somebody was known here once. Throws a SetupError when the database is gone since. */
export function hasIdentities(dataDir: string): boolean {
  const path = databasePath(dataDir)
  if (existsSync(path)) return true
  if (!existsSync(keyPath(dataDir))) return false
  throw new SetupError(
    `${path} is missing, but there were identities: restore it from a backup, or remove ${keyPath(dataDir)} to begin anew`,
  )
}

/** The secret that sessions and tokens are signed with. Throws a SetupError when it cannot be used. */
export function signingKey(dataDir: string): Buffer {
  const path = keyPath(dataDir)
  try {
    const known = readKey(path)
    if (known !== null) return known
    makeKey(path)
    return readKey(path)!
  } catch (error) {
    throw new SetupError(`${path}: ${(error as Error).message}; without it every session and token ends`, {
      cause: error,
    })
  }
}

export class IdentityStore {
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #inode: number
  /** By identity, as it stood there. */
  #read: Seen = new Map()

  /** Makes it where there is none. Throws a SetupError when it cannot be used. */
  static open(dataDir: string): IdentityStore {
    if (!hasIdentities(dataDir)) createDatabase(databasePath(dataDir))
    signingKey(dataDir)
    return new IdentityStore(databasePath(dataDir))
  }

  private constructor(path: string) {
    this.#path = path
    try {
      chmodSync(path, 0o600)
      this.#inode = statSync(path).ino
      this.#database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS })
    } catch (error) {
      throw unusable(path, error)
    }
    try {
      this.#database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL')
      const [check] = this.#all('PRAGMA quick_check(1)') as [{ quick_check: string }]
      if (check.quick_check !== 'ok') throw new Error(check.quick_check)
      this.#bringUpToDate()
      this.read()
    } catch (error) {
      this.#database.close()
      throw error instanceof SetupError ? error : unusable(path, error)
    }
  }

  /** Another number after each change by another process. Throws while one writes. */
  get dataVersion(): number {
    const [row] = this.#all('PRAGMA data_version') as [{ data_version: number }]
    return row.data_version
  }

  /** False: another file has its place, or none. */
  get isInPlace(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode
  }

  /** How long a read may wait for somebody who writes. */
  setTimeoutMs(ms: number): void {
    this.#database.exec(`PRAGMA busy_timeout = ${ms}`)
  }

  /**
   * Throws when anything in it is not as it should be: half of who may do what is worse than what was known before.
   * Rows that are as they were are not checked again, and come as the same objects: checking 10,000 takes a fifth of a
   * second.
   */
  read(): KnownIdentities {
    return this.#inTransaction('BEGIN', () => {
      this.#checkVersion()
      const seen: Seen = new Map()
      const known = {
        devices: this.#rows('SELECT * FROM device ORDER BY id', deviceSchema, seen),
        users: this.#rows('SELECT * FROM user ORDER BY name', userSchema, seen),
        tokens: this.#rows('SELECT * FROM token ORDER BY name', tokenSchema, seen),
        certificates: z.array(certificateSchema).parse(this.#all('SELECT * FROM certificate')),
        endedSessions: z.array(endedSchema).parse(this.#all('SELECT * FROM endedSession')),
      }
      this.#read = seen
      return known
    })
  }

  // Each returns false when there is none of that name, or, when it is to be made, when the name is taken.

  addDevice(device: Pick<DeviceRow, 'id' | 'secret' | 'gateway' | 'allow'>): boolean {
    const { id, secret, gateway, allow } = device
    return this.#write(() => {
      if (this.#isTaken(id)) return false
      this.#run(
        'INSERT INTO device VALUES (?, ?, ?, ?, ?, 1, ?)',
        id,
        newIdentity('device', id),
        secret,
        Number(gateway),
        JSON.stringify(allow),
        Date.now(),
      )
      return true
    })
  }

  /** What is undefined stays. */
  changeDevice(
    id: string,
    {
      gateway,
      allow,
    }: { readonly gateway: boolean | undefined; readonly allow: readonly string[] | undefined },
  ): boolean {
    return this.#write(() => {
      const changed = this.#run(
        `UPDATE device SET gateway = coalesce(?, gateway), allow = coalesce(?, allow), version = version + 1
         WHERE id = ?`,
        gateway === undefined ? null : Number(gateway),
        allow === undefined ? null : JSON.stringify(allow),
        id,
      )
      return changed > 0
    })
  }

  /** Of one that shows a certificate: those that it showed are dead, and `secret` is null. */
  rotateDevice(id: string, secret: string | null): boolean {
    return this.#write(() => {
      this.#buryCertificates(id)
      return this.#run('UPDATE device SET secret = ?, version = version + 1 WHERE id = ?', secret, id) > 0
    })
  }

  revokeDevice(id: string): boolean {
    return this.#write(() => {
      this.#buryCertificates(id)
      return this.#run('DELETE FROM device WHERE id = ?', id) > 0
    })
  }

  addUser({ name, password, role }: Pick<UserRow, 'name' | 'password' | 'role'>): boolean {
    return this.#write(() => {
      if (this.#isTaken(name)) return false
      const identity = newIdentity('user', name)
      this.#run('INSERT INTO user VALUES (?, ?, ?, ?, 1, ?)', name, identity, password, role, Date.now())
      return true
    })
  }

  changePassword(name: string, password: string): boolean {
    return this.#write(
      () =>
        this.#run('UPDATE user SET password = ?, version = version + 1 WHERE name = ?', password, name) > 0,
    )
  }

  removeUser(name: string): boolean {
    return this.#write(() => this.#run('DELETE FROM user WHERE name = ?', name) > 0)
  }

  /** Null: the name is taken. */
  addToken({ name, role, expiresAtMs }: Pick<TokenRow, 'name' | 'role' | 'expiresAtMs'>): TokenRow | null {
    return this.#write(() => {
      if (this.#all('SELECT 1 FROM token WHERE name = ?', name).length > 0) return null
      const token = {
        name,
        identity: newIdentity('token', name),
        role,
        version: 1,
        expiresAtMs,
        createdMs: Date.now(),
      }
      this.#run('INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)', ...Object.values(token))
      return token
    })
  }

  revokeToken(name: string): boolean {
    return this.#write(() => this.#run('DELETE FROM token WHERE name = ?', name) > 0)
  }

  /** Of a certificate that a device showed for the first time. */
  noteCertificate(fingerprint: string, identity: string): void {
    this.#write(() => this.#run('INSERT OR IGNORE INTO certificate VALUES (?, ?, 0)', fingerprint, identity))
  }

  /** Throws while somebody else writes. */
  noteEndedSessions(ended: Iterable<EndedSession>): void {
    this.#write(() => {
      for (const { identity, session, expiresAtMs } of ended) {
        this.#run('INSERT OR REPLACE INTO endedSession VALUES (?, ?, ?)', identity, session, expiresAtMs)
        if (session === ALL_EARLIER)
          this.#run(
            'DELETE FROM endedSession WHERE identity = ? AND session <> ? AND expiresAtMs <= ?',
            identity,
            ALL_EARLIER,
            expiresAtMs,
          )
      }
      // Whoever was removed comes back as another.
      this.#run('DELETE FROM endedSession WHERE identity NOT IN (SELECT identity FROM user)')
    })
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #bringUpToDate(): void {
    if (this.#checkVersion() === FORMAT_VERSION) return
    this.#write(() => {
      // Somebody else may have been as quick.
      for (const step of STEPS.slice(this.#checkVersion())) this.#database.exec(step)
      this.#database.exec(`PRAGMA user_version = ${FORMAT_VERSION}`)
    })
  }

  #checkVersion(): number {
    const [{ user_version: found }] = this.#all('PRAGMA user_version') as [{ user_version: number }]
    if (found > FORMAT_VERSION)
      throw new SetupError(`${this.#path} is of a newer version of Trestle: use that`)
    if (found < 1) throw new Error('it holds something else')
    return found
  }

  /** One name, one owner, by MQTT: devices and users share the user name there. */
  #isTaken(name: string): boolean {
    const found = this.#all(
      'SELECT 1 FROM device WHERE id = ? UNION SELECT 1 FROM user WHERE name = ?',
      name,
      name,
    )
    return found.length > 0
  }

  #buryCertificates(id: string): void {
    this.#run(
      'UPDATE certificate SET dead = 1 WHERE identity = (SELECT identity FROM device WHERE id = ?)',
      id,
    )
  }

  #write<T>(work: () => T): T {
    return this.#inTransaction('BEGIN IMMEDIATE', work)
  }

  #inTransaction<T>(begin: string, work: () => T): T {
    this.#database.exec(begin)
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #rows<T extends Row>(sql: string, schema: z.ZodType<T>, seen: Seen): T[] {
    return this.#all(sql).map(raw => {
      const text = JSON.stringify(raw)
      const key = String((raw as Partial<Row>).identity)
      const before = this.#read.get(key)
      const row = before?.text === text ? (before.row as T) : schema.parse(raw)
      seen.set(key, { text, row })
      return row
    })
  }

  #all(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#database.prepare(sql).all(...values)
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes)
  }
}

function createDatabase(path: string): void {
  const mine = `${path}.${process.pid}.new`
  try {
    closeSync(openSync(mine, 'w', 0o600))
    const database = new DatabaseSync(mine)
    database.exec(`PRAGMA synchronous = FULL; BEGIN; ${SCHEMA} COMMIT`)
    database.close()
    linkSync(mine, path)
  } catch (error) {
    // Somebody else was as quick: theirs is as good.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error)
  } finally {
    rmSync(mine, { force: true })
  }
}

function keyPath(dataDir: string): string {
  return join(dataDir, 'identity.key')
}

function newIdentity(kind: 'device' | 'user' | 'token', name: string): string {
  return `${kind}:${name}:${randomBytes(9).toString('base64url')}`
}

function unusable(path: string, error: unknown): SetupError {
  const what = error instanceof z.ZodError ? 'a row makes no sense' : (error as Error).message
  return new SetupError(`${path} is damaged or cannot be read (${what}); restore it from a backup`, {
    cause: error,
  })
}
