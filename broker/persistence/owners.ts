/**
 * Whose is what the broker keeps: sessions and wills by client id, retained messages by topic. Nobody in particular
 * (null) owns what is not listed, such as everything that was kept before there were identities.
 *
 * A row is written in the same commit as what it speaks of.
 */

import type { Access, AccessOf } from '../access.ts'
import type { OwnerRow } from './database.ts'
import type { Saver } from './saver.ts'

export interface OwnerSource {
  /** The identity that a connected client was let in by. */
  readonly ownerOf: (clientId: string) => string | null
  readonly accessOf: AccessOf
}

/** Of what the bridge itself publishes. */
export const OURSELVES = 'trestle'

export class Owners {
  readonly #saver: Saver
  readonly #kept = { client: new Map<string, string>(), topic: new Map<string, string>() }
  /** By the payload's identity: Aedes copies packets, but not payloads. */
  readonly #publishers = new WeakMap<object, string | null>()
  #source: OwnerSource = { ownerOf: () => null, accessOf: () => null }
  /** What each owner could do when everything was looked at last. */
  #reviewed = new Map<string | null, Access>()

  constructor(saver: Saver) {
    this.#saver = saver
  }

  restore(rows: readonly OwnerRow[]): void {
    for (const { what, key, identity } of rows) this.#kept[what].set(key, identity)
  }

  belongTo(source: OwnerSource): void {
    this.#source = source
  }

  /** Of the session or will under a client id. */
  ofClient(clientId: string): string | null {
    return this.#kept.client.get(clientId) ?? null
  }

  /** Of the client that is connected under a client id. */
  ownerNow(clientId: string): string | null {
    return this.#source.ownerOf(clientId)
  }

  /** Of a retained message. */
  ofTopic(topic: string): string | null {
    return this.#kept.topic.get(topic) ?? null
  }

  /** Who publishes it: told before it may come to be retained. */
  publishes(payload: object, identity: string | null): void {
    this.#publishers.set(payload, identity)
  }

  publisherOf(payload: object): string | null {
    return this.#publishers.get(payload) ?? null
  }

  /** Null: it is known no more, and nothing of it is to be kept. */
  accessOf(identity: string | null): Access | null {
    return this.#source.accessOf(identity)
  }

  /** A connected client leaves something behind. */
  keepClient(clientId: string): void {
    this.#keep('client', clientId, this.#source.ownerOf(clientId))
  }

  forgetClient(clientId: string): void {
    this.#keep('client', clientId, null)
  }

  keepTopic(topic: string, identity: string | null): void {
    this.#keep('topic', topic, identity)
  }

  /** Whether what an owner may do is not what it was at the last review; `reviewed` ends one. */
  hasChanged(identity: string | null, access: Access | null): boolean {
    return access === null || this.#reviewed.get(identity) !== access
  }

  reviewed(accesses: Map<string | null, Access>): void {
    this.#reviewed = accesses
  }

  #keep(what: OwnerRow['what'], key: string, identity: string | null): void {
    const kept = this.#kept[what]
    if ((kept.get(key) ?? null) === identity) return
    if (identity === null) kept.delete(key)
    else kept.set(key, identity)
    this.#saver.note(`owner ${what} ${key}`, {
      change: () => {
        const now = kept.get(key)
        return now === undefined
          ? { kind: 'no-owner', what, key }
          : { kind: 'owner', what, key, identity: now }
      },
    })
  }
}
