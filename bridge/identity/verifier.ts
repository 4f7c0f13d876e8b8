/**
 * Whether a secret is the right one, at a bounded cost: people's passwords and generated secrets wait in a lane each,
 * so that guessing at the one does not hold up the other. The last right one is remembered as a keyed hash, for those
 * who come back; a change makes another subject of them, which remembers nothing. Wrong ones are remembered until
 * anything changes: a device that shows a secret of yesterday for ever costs one check.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { RecentMap } from '../decode/recent-map.ts'
import type { Subject } from './known.ts'
import { type Caller, Lane } from './lane.ts'
import { decoyHash, verifySecret } from './secrets.ts'

type Device = Extract<Subject, { kind: 'device' }>
type User = Extract<Subject, { kind: 'user' }>

/** A whole house at once. */
const MAX_WAITING_DEVICES = 20_000
/** Beyond some five seconds nobody waits any more. */
const MAX_WAITING_PEOPLE = 25
const MAX_WRONG = 10_000

export class Verifier {
  readonly #key = randomBytes(32)
  readonly #remembered = new WeakMap<Subject, Buffer>()
  readonly #devices = new Lane(MAX_WAITING_DEVICES)
  readonly #people = new Lane(MAX_WAITING_PEOPLE)
  readonly #wrong = new RecentMap<string, true>(MAX_WRONG)
  readonly #decoys = { generated: decoyHash('generated'), password: decoyHash('password') }

  /** Cheap. Of generated secrets only it may be asked before attempts are counted: those are not guessed. */
  remembers(subject: Subject, secret: string): boolean {
    const remembered = this.#remembered.get(subject)
    return remembered !== undefined && timingSafeEqual(remembered, this.#hash(secret))
  }

  /** Whether the two were shown together since anything changed, and were wrong. */
  isKnownWrong(name: string, secret: string): boolean {
    return this.#wrong.get(this.#keyOf(name, secret)) === true
  }

  noteWrong(name: string, secret: string): void {
    this.#wrong.set(this.#keyOf(name, secret), true)
  }

  forgetWrong(): void {
    this.#wrong.clear()
  }

  /** `device` null: there is none of that name, which costs the same. Null: too busy. */
  async generated(device: Device | null, secret: string, caller: Caller): Promise<boolean | null> {
    return this.#verify(device, {
      secret,
      caller,
      kept: device?.row.secret ?? this.#decoys.generated,
      lane: this.#devices,
    })
  }

  /** The same of a user. */
  async password(user: User | null, secret: string, caller: Caller): Promise<boolean | null> {
    if (user !== null && this.remembers(user, secret)) return true
    return this.#verify(user, {
      secret,
      caller,
      kept: user?.row.password ?? this.#decoys.password,
      lane: this.#people,
    })
  }

  async #verify(
    subject: Subject | null,
    { secret, caller, kept, lane }: { secret: string; caller: Caller; kept: string; lane: Lane },
  ): Promise<boolean | null> {
    const isRight = await lane.run(() => verifySecret(secret, kept), caller)
    if (isRight === null) return null
    if (!isRight || subject === null) return false
    this.#remembered.set(subject, this.#hash(secret))
    return true
  }

  #keyOf(name: string, secret: string): string {
    return createHmac('sha256', this.#key).update(`${name.length} ${name}${secret}`).digest('base64url')
  }

  #hash(secret: string): Buffer {
    return createHmac('sha256', this.#key).update(secret).digest()
  }
}
