/**
 * Whether a secret is the right one, at a bounded cost: people's passwords and generated secrets wait in a lane each,
 * so that guessing at the one does not hold up the other. The last right one is remembered as a keyed hash, for those
 * who come back; a change makes another subject of them, which remembers nothing.
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Subject } from './known.ts'
import { Lane } from './lane.ts'
import { decoyHash, verifySecret } from './secrets.ts'

type Device = Extract<Subject, { kind: 'device' }>
type User = Extract<Subject, { kind: 'user' }>

/** A whole house at once. */
const MAX_WAITING_DEVICES = 20_000
/** Beyond some five seconds nobody waits any more. */
const MAX_WAITING_PEOPLE = 25

export class Verifier {
  readonly #key = randomBytes(32)
  readonly #remembered = new WeakMap<Subject, Buffer>()
  readonly #devices = new Lane(MAX_WAITING_DEVICES)
  readonly #people = new Lane(MAX_WAITING_PEOPLE)
  readonly #decoys = { generated: decoyHash('generated'), password: decoyHash('password') }

  /** Cheap. Of generated secrets only it may be asked before attempts are counted: those are not guessed. */
  remembers(subject: Subject, secret: string): boolean {
    const remembered = this.#remembered.get(subject)
    return remembered !== undefined && timingSafeEqual(remembered, this.#hash(secret))
  }

  /** `device` null: there is none of that name, which costs the same. `from`: the address. Null: too busy. */
  async generated(device: Device | null, secret: string, from: string): Promise<boolean | null> {
    return this.#verify(device, {
      secret,
      from,
      kept: device?.row.secret ?? this.#decoys.generated,
      lane: this.#devices,
    })
  }

  async password(user: User | null, secret: string, from: string): Promise<boolean | null> {
    if (user !== null && this.remembers(user, secret)) return true
    return this.#verify(user, {
      secret,
      from,
      kept: user?.row.password ?? this.#decoys.password,
      lane: this.#people,
    })
  }

  async #verify(
    subject: Subject | null,
    { secret, from, kept, lane }: { secret: string; from: string; kept: string; lane: Lane },
  ): Promise<boolean | null> {
    const isRight = await lane.run(() => verifySecret(secret, kept), from)
    if (isRight === null) return null
    if (!isRight || subject === null) return false
    this.#remembered.set(subject, this.#hash(secret))
    return true
  }

  #hash(secret: string): Buffer {
    return createHmac('sha256', this.#key).update(secret).digest()
  }
}
