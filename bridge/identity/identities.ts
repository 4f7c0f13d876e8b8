/**
 * Who is known here, and what they may: devices (by MQTT), people and programs (by HTTP, live and MQTT). Written by
 * `npm run trestle -- device|user|token`, also while the bridge runs, and kept in memory for every message.
 *
 * Whether credentials are needed is decided here, and nowhere else:
 *   on loopback   MQTT as soon as one device exists, HTTP as soon as one user exists
 *   off loopback  always
 *   allowAnonymous: never; who shows credentials is held to them all the same
 */

import { randomBytes } from 'node:crypto'
import type { Access, Authenticate, Login, LoginResult } from '../../broker/access.ts'
import { isLocalHost } from '../config/config.ts'
import { ANYONE, type Credentials, type Principal } from '../live/access.ts'
import { Attempts } from './attempts.ts'
import { isAnybodys, Known, NOBODY, type Subject } from './known.ts'
import type { Caller } from './lane.ts'
import { isLocked, Logouts } from './logouts.ts'
import { openAccess } from './permissions.ts'
import { looksSigned, readSigned, type Statement, sign } from './signing.ts'
import { hasIdentities, IdentityStore, signingKey } from './store.ts'
import { Verifier } from './verifier.ts'

/** Its value is what `login` returns as `session`; `principalOf` finds it in the Cookie header. */
export const SESSION_COOKIE = 'trestle_session'

export interface IdentitiesOptions {
  readonly dataDir: string
  /** As the bridge listens: `settings.host`. */
  readonly host: string
  /** Where MQTT without TLS listens, if that is elsewhere: `settings.mqtt.host`. */
  readonly mqttHost?: string | undefined
  readonly allowAnonymous: boolean
  /** Of one person, remembered one by one: `settings.http.maxLogouts`. */
  readonly maxLogouts?: number
  /** How often changes are looked for; only tests are in a hurry. */
  readonly pollMs?: number
  readonly log: {
    info(fields: object, text: string): void
    warn(fields: object, text: string): void
    error(fields: object, text: string): void
  }
}

export interface LoginAttempt {
  readonly name: string
  readonly password: string
  /** The client's own, where a trusted proxy stands between. Loopback is not limited. */
  readonly address: string
}

export type LoginOutcome =
  | {
      readonly ok: true
      /** The cookie's value: it holds until `principal.expiresAtMs`, a change of the user, or its logout. */
      readonly session: string
      readonly principal: Principal
    }
  /** `wrong`: the name or the password; it is not told which. `too-many`: not even looked at. */
  | { readonly ok: false; readonly reason: 'wrong' | 'too-many'; readonly retryAfterS: number }

/**
 * How often the database is looked at: a revocation takes effect within this and the time to close connections. A look
 * costs some 50 us. The commands wait a little longer than this, so that what they say is so.
 */
export const POLL_MS = 100
/** A session of the page ends after this, whatever is done in it. */
const SESSION_MS = 30 * 86_400_000
/** Failed logins by MQTT are answered after this, whoever was named: the time taken tells nothing. */
const ANSWER_FAILURE_MS = 500

export class Identities {
  readonly stats = { loginsFailed: 0, loginsLimited: 0, loginsBusy: 0 }
  readonly #options: IdentitiesOptions
  readonly #isLocal: { readonly mqtt: boolean; readonly http: boolean }
  readonly #attempts = new Attempts()
  readonly #verifier = new Verifier()
  readonly #listeners = new Set<() => void>()
  readonly #anyone: Access
  /** What `isCurrent` needs of those that were given out. */
  readonly #given = new WeakMap<Principal, Statement>()
  readonly #logouts: Logouts
  readonly #timer: NodeJS.Timeout
  #store: IdentityStore | null = null
  #dataVersion = 0
  #key: Buffer | null = null
  #known: Known
  /** Told once, until it is over. */
  #trouble: string | null = null
  #nextExpiryMs = Number.POSITIVE_INFINITY
  /** What had expired by then has not before. */
  #takenAtMs = 0

  /** Throws a SetupError when what is known cannot be read: never taken for "nobody is". */
  constructor(options: IdentitiesOptions) {
    this.#options = options
    const { host, mqttHost = host } = options
    // MQTT comes by TLS and WebSocket too, on the other.
    this.#isLocal = { mqtt: isLocalHost(host) && isLocalHost(mqttHost), http: isLocalHost(host) }
    this.#anyone = openAccess({
      identity: null,
      mayUse: clientId => isAnybodys(clientId) || this.#known.ownerOf(clientId) === null,
    })
    this.#known = new Known(NOBODY, null, this)
    this.#logouts = new Logouts({
      max: options.maxLogouts,
      write: ended => {
        if (this.#store === null) throw new Error('it stops')
        this.#store.noteEndedSessions(ended)
      },
      onEnded: () => this.#tell(),
      log: options.log,
    })
    if (hasIdentities(options.dataDir)) this.#open()
    this.#greet()
    this.#timer = setInterval(() => {
      this.#look()
      this.#logouts.retry()
    }, options.pollMs ?? POLL_MS)
    this.#timer.unref()
  }

  get counts(): { readonly devices: number; readonly users: number } {
    return { devices: this.#known.devices.size, users: this.#known.users.size }
  }

  get rememberedLogouts(): number {
    return this.#logouts.ended.size
  }

  /** Logouts that are not remembered one by one any more. */
  get mergedLogouts(): number {
    return this.#logouts.ended.merged
  }

  /** Right now; both change while the bridge runs. */
  get needsCredentials(): { readonly mqtt: boolean; readonly http: boolean } {
    if (this.#options.allowAnonymous) return { mqtt: false, http: false }
    const { devices, users } = this.#known
    const { mqtt, http } = this.#isLocal
    return { mqtt: !mqtt || devices.size > 0, http: !http || users.size > 0 }
  }

  /** For the broker. */
  readonly authenticate: Authenticate = async login => {
    const startedMs = performance.now()
    const result = await this.#identify(login)
    if (result.ok || result.reason === 'unavailable') return result
    this.stats.loginsFailed++
    const leftMs = ANSWER_FAILURE_MS - (performance.now() - startedMs)
    if (leftMs > 0) await new Promise(resolve => setTimeout(resolve, leftMs))
    return result
  }

  /** The same object as long as nothing about it changed. */
  accessOf(identity: string | null): Access | null {
    if (identity === null) return this.needsCredentials.mqtt ? null : this.#anyone
    const subject = this.#known.withIdentity(identity)
    return subject === null || hasExpired(subject) ? null : subject.access
  }

  /** The device whose client ids start with this one. */
  ownerOf(clientId: string): string | null {
    return this.#known.ownerOf(clientId)
  }

  /** Whether there is a device of that id. */
  hasDevice(id: string): boolean {
    return this.#known.devices.has(id)
  }

  /** The id of the device that an identity is; null: it is none. */
  deviceOf(identity: string): string | null {
    const subject = this.#known.withIdentity(identity)
    return subject?.kind === 'device' ? subject.row.id : null
  }

  /** A password, of a person. Takes a while by design (scrypt), off the event loop. */
  async login({ name, password, address }: LoginAttempt): Promise<LoginOutcome> {
    const caller: Caller = { way: 'page', address }
    const waitS = this.#attempts.begin(caller, name)
    if (waitS > 0) return this.#tooMany(waitS)
    const user = this.#known.users.get(name)
    const isRight = await this.#verifier.password(user ?? null, password, caller)
    if (isRight === null) {
      this.stats.loginsBusy++
      return { ok: false, reason: 'too-many', retryAfterS: 1 }
    }
    // It may have been changed meanwhile.
    if (!isRight || user === undefined || this.#known.users.get(name) !== user) {
      this.stats.loginsFailed++
      return { ok: false, reason: 'wrong', retryAfterS: 0 }
    }
    this.#attempts.succeeded(caller, name)
    const statement = this.#newSession(user)
    return {
      ok: true,
      session: sign(statement, this.#signingKey()),
      principal: this.#principal(user, statement),
    }
  }

  /**
   * Ends the session in a Cookie header, if there is one, at once, and then what is open by it. Resolves when no restart
   * brings it back, also of one that ended before; rejects when the disk does not take that, which is tried again.
   */
  async logout({ cookie }: Pick<Credentials, 'cookie'>): Promise<void> {
    const statement = this.#signed(sessionIn(cookie), 'session')
    if (statement === null) return
    if (this.#logouts.ended.has(statement)) await this.#logouts.written()
    else if (this.#holds(statement) !== null) await this.#logouts.end(statement)
  }

  /**
   * Cheap. `cookie` is the whole Cookie header, `token` an API token. Where no credentials are needed everybody is
   * `ANYONE`; else null for whoever cannot be told.
   */
  principalOf({ cookie, token }: Credentials): Principal | null {
    if (!this.needsCredentials.http) return ANYONE
    const found =
      token === undefined
        ? this.#bySignature(sessionIn(cookie), 'session')
        : this.#bySignature(token, 'token')
    return found === null ? null : this.#principal(found.subject, found.statement)
  }

  /** Whether one that `principalOf` or `login` returned is still who it was, with the same role, now. */
  isCurrent(principal: Principal): boolean {
    if (principal === ANYONE) return !this.needsCredentials.http
    const statement = this.#given.get(principal)
    return statement !== undefined && this.#holds(statement) !== null
  }

  /**
   * Called within about a second of a change: of a device, a user, a token, or of whether credentials are needed.
   * Whoever holds connections asks again what they may. Returns how to end it.
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
    this.#logouts.close()
    this.#store?.close()
    this.#store = null
  }

  /** What somebody should know who opens it to the house. */
  #greet(): void {
    const { host, mqttHost, allowAnonymous, log } = this.#options
    if (this.#isLocal.mqtt && this.#isLocal.http) return
    if (allowAnonymous) {
      log.warn(
        { host, mqttHost },
        'anyone on the network may publish and read: TRESTLE_ALLOW_ANONYMOUS is set, and it listens beyond this machine',
      )
    } else if (this.#known.devices.size === 0 || this.#known.users.size === 0) {
      log.warn(
        { host, mqttHost },
        'it listens beyond this machine, so everybody needs credentials; make some: ' +
          'npm run trestle -- device add <id> and npm run trestle -- user add <name> --role admin',
      )
    }
  }

  async #identify(login: Login): Promise<LoginResult> {
    const { certificate, username, password } = login
    if (certificate !== null && (username === null || username === certificate.commonName)) {
      const shown = this.#byCertificate(certificate)
      if (shown !== null) return shown
    }
    if (username === null && password === null) return this.#withoutCredentials(login)
    const name = username ?? ''
    const secret = password?.toString() ?? ''
    if (looksSigned(secret)) {
      const found = this.#bySignature(secret, 'token')
      return found === null ? BAD_CREDENTIALS : admit(found.subject)
    }
    const device = this.#known.devices.get(name)
    if (device !== undefined && this.#verifier.remembers(device, secret)) return admit(device)
    const subject = device ?? this.#known.users.get(name) ?? null
    // Nobody is known yet: what a device was given for another broker is no obstacle.
    if (subject === null && !this.needsCredentials.mqtt && this.#known.devices.size === 0)
      return { ok: true, access: this.#anyone }
    return this.#bySecret(subject, { name, secret, address: login.address })
  }

  /**
   * Every name takes the same steps, whatever it is, and waits where the others wait: neither the time nor the kind of a
   * refusal tells whether there is a device, a user or nobody behind it.
   */
  async #bySecret(
    subject: Subject | null,
    { name, secret, address }: { name: string; secret: string; address: string },
  ): Promise<LoginResult> {
    const caller: Caller = { way: 'mqtt', address }
    if (this.#attempts.isLimited(caller, name)) return this.#limited()
    const known = this.#known
    const check = (isRight: () => Promise<boolean | null>) =>
      this.#verifier.isKnownWrong(name, secret) ? false : isRight()
    const device = subject?.kind === 'device' ? subject : null
    const isDevices = await check(() => this.#verifier.generated(device, secret, caller))
    if (isDevices === null) return this.#busy()
    if (isDevices) return this.#admitStill(subject)
    if (this.#attempts.begin(caller, name) > 0) return this.#limited()
    const user = subject?.kind === 'user' ? subject : null
    const isUsers = await check(() => this.#verifier.password(user, secret, caller))
    if (isUsers === null) return this.#busy()
    if (!isUsers) {
      if (known === this.#known) this.#verifier.noteWrong(name, secret)
      return BAD_CREDENTIALS
    }
    this.#attempts.succeeded(caller, name)
    return this.#admitStill(subject)
  }

  /** It may have been revoked meanwhile. */
  #admitStill(subject: Subject | null): LoginResult {
    const isStill = subject !== null && this.#known.withIdentity(subject.row.identity) === subject
    return isStill ? admit(subject) : BAD_CREDENTIALS
  }

  #limited(): LoginResult {
    this.stats.loginsLimited++
    return UNAVAILABLE
  }

  #busy(): LoginResult {
    this.stats.loginsBusy++
    return UNAVAILABLE
  }

  /** A page that somebody is logged in to may be a device; else nobody in particular. */
  #withoutCredentials({ headers }: Login): LoginResult {
    const found = this.#bySignature(sessionIn(headers?.cookie), 'session')
    if (found !== null)
      return { ...admit(found.subject), stillHolds: () => this.#holds(found.statement) !== null }
    return this.needsCredentials.mqtt ? NOT_AUTHORISED : { ok: true, access: this.#anyone }
  }

  /** Null: it is of no device that is known by its certificate. */
  #byCertificate({ commonName, fingerprint256 }: NonNullable<Login['certificate']>): LoginResult | null {
    const device = this.#known.devices.get(commonName)
    if (device === undefined || device.row.secret !== null) return null
    const { identity } = device.row
    const owner = this.#known.certificateOwner(fingerprint256)
    if (owner === undefined) {
      try {
        this.#store?.noteCertificate(fingerprint256, identity)
      } catch (error) {
        this.#options.log.warn({ err: error }, 'identities: could not note a certificate')
        return UNAVAILABLE
      }
      this.#known.noteCertificate(fingerprint256, identity)
      return admit(device)
    }
    return owner === identity ? admit(device) : BAD_CREDENTIALS
  }

  #bySignature(
    signed: string | null,
    kind: Statement['kind'],
  ): { readonly subject: Subject; readonly statement: Statement } | null {
    const statement = this.#signed(signed, kind)
    const subject = statement === null ? null : this.#holds(statement)
    return statement === null || subject === null ? null : { subject, statement }
  }

  /** By us, whether it holds or not. */
  #signed(signed: string | null, kind: Statement['kind']): Statement | null {
    if (signed === null || this.#key === null) return null
    const statement = readSigned(signed, this.#key)
    return statement?.kind === kind ? statement : null
  }

  #newSession({ row: { identity, version } }: Extract<Subject, { kind: 'user' }>): Statement {
    const session = randomBytes(9).toString('base64url')
    // Also after a clock was set back.
    const expiresAtMs = Math.max(Date.now() + SESSION_MS, this.#logouts.ended.allUntilMs(identity) + 1)
    return { kind: 'session', identity, version, expiresAtMs, session }
  }

  #holds(statement: Statement): Subject | null {
    const { kind, identity, version, expiresAtMs } = statement
    if (kind === 'session' && this.#logouts.ended.has(statement)) return null
    const subject = this.#known.withIdentity(identity)
    if (subject === null || subject.row.version !== version || hasExpired(subject)) return null
    return isOver(expiresAtMs) ? null : subject
  }

  #principal(subject: Subject, statement: Statement): Principal {
    if (subject.kind === 'device') throw new Error('BUG: a device is no principal')
    const { name, role } = subject.row
    const { expiresAtMs } = statement
    const principal: Principal = expiresAtMs === null ? { name, role } : { name, role, expiresAtMs }
    this.#given.set(principal, statement)
    return principal
  }

  #tooMany(retryAfterS: number): LoginOutcome {
    this.stats.loginsLimited++
    return { ok: false, reason: 'too-many', retryAfterS }
  }

  #signingKey(): Buffer {
    this.#key ??= signingKey(this.#options.dataDir)
    return this.#key
  }

  #open(): void {
    const { dataDir } = this.#options
    const store = IdentityStore.open(dataDir)
    try {
      const key = signingKey(dataDir)
      this.#dataVersion = store.dataVersion
      const rows = store.read()
      this.#logouts.ended.take(rows.endedSessions)
      this.#take(new Known(rows, this.#known, this))
      this.#key = key
    } catch (error) {
      store.close()
      throw error
    }
    // From here on the event loop is not to wait for somebody who writes: there is a next time.
    store.setTimeoutMs(0)
    // What ended since that was copied.
    if (this.#store !== null) this.#logouts.writeAgain()
    this.#store?.close()
    this.#store = store
  }

  #take(known: Known): void {
    this.#known = known
    this.#logouts.ended.keepOnly(identity => known.withIdentity(identity) !== null)
    this.#verifier.forgetWrong()
    this.#takenAtMs = Date.now()
    this.#nextExpiryMs = Number.POSITIVE_INFINITY
    for (const subject of known.subjects) {
      if (subject.kind !== 'token' || subject.row.expiresAtMs === null || hasExpired(subject)) continue
      this.#nextExpiryMs = Math.min(this.#nextExpiryMs, subject.row.expiresAtMs)
    }
  }

  /** Whatever goes wrong here: what was known last stays. */
  #look(): void {
    try {
      if (!this.#refresh()) return
      if (this.#trouble !== null) this.#options.log.info({}, 'identities: can be read again')
      this.#trouble = null
    } catch (error) {
      const { message } = error as Error
      if (isLocked(error) || message === this.#trouble) return
      this.#trouble = message
      this.#options.log.error({ reason: message }, 'identities: cannot be read; those known last stay')
      return
    }
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** False: nothing is new. */
  #refresh(): boolean {
    const store = this.#store
    if (store === null || !store.isInPlace) {
      if (!hasIdentities(this.#options.dataDir)) return false
      this.#open()
      return true
    }
    const version = store.dataVersion
    if (version !== this.#dataVersion) {
      this.#take(new Known(store.read(), this.#known, this))
      this.#dataVersion = version
      return true
    }
    const nowMs = Date.now()
    // A clock may be set back, too.
    if (nowMs >= this.#takenAtMs && nowMs < this.#nextExpiryMs) return false
    this.#take(this.#known)
    return true
  }
}

const BAD_CREDENTIALS: LoginResult = { ok: false, reason: 'bad-credentials' }
const NOT_AUTHORISED: LoginResult = { ok: false, reason: 'not-authorised' }
const UNAVAILABLE: LoginResult = { ok: false, reason: 'unavailable' }

function admit({ access }: Subject): Extract<LoginResult, { ok: true }> {
  return { ok: true, access }
}

function hasExpired(subject: Subject): boolean {
  return subject.kind === 'token' && isOver(subject.row.expiresAtMs)
}

function isOver(expiresAtMs: number | null): boolean {
  return expiresAtMs !== null && expiresAtMs <= Date.now()
}

function sessionIn(cookie: string | undefined): string | null {
  for (const part of cookie?.split(';') ?? []) {
    const [name, value] = part.split('=', 2)
    if (name?.trim() === SESSION_COOKIE && value !== undefined) return value.trim()
  }
  return null
}
