/** Wills of connected clients. Those of a run that ended without a word are published by the next one. */

import type { WillRow } from './database.ts'
import type { Owners } from './owners.ts'
import { asBuffer } from './packet.ts'
import type { Saver } from './saver.ts'

export interface Will {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  /** Of the run that its client was connected to. */
  brokerId?: string
  clientId?: string
  /** Published by the front, so long after the connection is gone; undefined: not by it, as only Aedes' interface has it. */
  delayMs?: number | undefined
  properties?: Buffer | undefined
  messageExpiryMs?: number | undefined
}

export class Wills {
  readonly #saver: Saver
  readonly #owners: Owners
  readonly #wills = new Map<string, Will>()

  constructor(saver: Saver, owners: Owners) {
    this.#saver = saver
    this.#owners = owners
  }

  restore(rows: readonly WillRow[]): void {
    for (const { client, broker, topic, payload, qos, retain, ...row } of rows) {
      this.#wills.set(client, {
        topic,
        payload: asBuffer(payload),
        qos: qos as 0 | 1 | 2,
        retain,
        brokerId: broker,
        clientId: client,
        delayMs: row.delayMs ?? 0,
        properties: asBuffer(row.properties) ?? undefined,
        messageExpiryMs: row.messageExpiryMs ?? undefined,
      })
    }
  }

  all(): Iterable<[string, Will]> {
    return this.#wills.entries()
  }

  get(client: string): Will | undefined {
    return this.#wills.get(client)
  }

  set(client: string, will: Will): void {
    this.#owners.keepClient(client)
    this.#wills.set(client, will)
    this.#note(client)
  }

  delete(client: string): Will | undefined {
    const will = this.#wills.get(client)
    if (will === undefined) return undefined
    this.#wills.delete(client)
    this.#note(client)
    return will
  }

  /** Of runs that `isAlive` does not know, as Aedes' interface asks for them: those of the front are not among them. */
  *orphans(isAlive: (brokerId: string) => boolean): Generator<Will> {
    for (const will of this.#wills.values())
      if (will.delayMs === undefined && !isAlive(will.brokerId ?? '')) yield will
  }

  #note(client: string): void {
    this.#saver.note(`will ${client}`, {
      change: () => {
        const will = this.#wills.get(client)
        if (will === undefined) return { kind: 'no-will', client }
        const { topic, payload, qos, retain, brokerId: broker = '' } = will
        const { properties = null, messageExpiryMs = null, delayMs = null } = will
        const own = { properties, messageExpiryMs, delayMs }
        return { kind: 'will', client, broker, topic, payload, qos, retain, ...own }
      },
    })
  }
}
