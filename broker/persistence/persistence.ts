/**
 * What the broker remembers across restarts, also after kill -9: retained messages, sessions with their subscriptions
 * and queues, packet identifiers of QoS 2, wills. Memory answers, SQLite keeps the copy (saver.ts).
 *
 * When is it on the disk? Before the acknowledgement: subscriptions (SUBACK), the steps of QoS 2 (PUBREC, PUBREL,
 * PUBCOMP) and, by `prepare`, what an acknowledged publish leaves for sleeping clients and as retained message.
 * Within 10 ms or so otherwise: what is under way to connected subscribers, QoS 0 retained messages, wills, received
 * acknowledgements. A crash may have those sent again, or lose them where nothing was promised.
 */

import { readState } from './database.ts'
import { type Deliveries, Outbox, type SharedDelivery } from './outbox.ts'
import { type OwnerSource, Owners } from './owners.ts'
import type { Packet } from './packet.ts'
import { type Retained, RetainedMessages } from './retained.ts'
import { type ReviewReport, review } from './review.ts'
import type { SessionLimits } from './room.ts'
import { Saver } from './saver.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'
import { Wills } from './wills.ts'

export interface PersistenceOptions {
  readonly path: string
  readonly retained: { readonly maxMessages: number; readonly maxBytes: number }
  readonly sessions: SessionLimits
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** What was done for a publish before it went to the bus. */
export interface Prepared {
  /** Resolves when what it leaves for clients that are away, or as retained message, is on the disk. */
  readonly saved: Promise<void> | null
  readonly isRetained: boolean
  readonly deliveries: Deliveries
  readonly shared: readonly SharedDelivery[]
}

/** Sessions age in steps of this, or smaller ones when they expire sooner; MQTT 5 clients may name seconds. */
const SWEEP_MS = 1000
const NO_SHARES: readonly SharedDelivery[] = []

/** What is published, as far as it is to be kept for somebody. */
type Message = Pick<
  Retained,
  'topic' | 'payload' | 'qos' | 'retain' | 'clientId' | 'properties' | 'messageExpiry'
>

export class Persistence {
  readonly sessions: Sessions
  readonly wills: Wills
  readonly retained: RetainedMessages
  readonly owners: Owners
  readonly #saver: Saver
  protected readonly outbox: Outbox
  readonly #clock: NodeJS.Timeout
  /** By the payload's identity: Aedes copies packets, but not payloads. */
  readonly #prepared = new WeakMap<object, Prepared>()
  #destroyed: Promise<void> | null = null

  /** Throws when the file cannot be opened. */
  constructor({ path, retained, sessions, log }: PersistenceOptions) {
    const { state, damaged } = readState(path)
    if (damaged !== null)
      log.error({ damaged }, 'mqtt: sessions and retained messages were damaged; starting without')
    this.#saver = new Saver({ path, log })
    this.owners = new Owners(this.#saver)
    this.owners.restore(state.owners)
    this.sessions = new Sessions(sessions, this.#saver, this.owners, clientId => this.disown(clientId))
    this.sessions.restore(state)
    this.wills = new Wills(this.#saver, this.owners)
    this.wills.restore(state.wills)
    this.retained = new RetainedMessages(retained, this.#saver, this.owners)
    this.retained.restore(state.retained)
    this.outbox = new Outbox(this.sessions)
    this.#clock = setInterval(
      () => {
        this.sessions.age()
        this.retained.sweep()
      },
      Math.min(SWEEP_MS, sessions.expiryMs / 10),
    )
    this.#clock.unref()
  }

  get stats() {
    const { count, queuedMessages, queuedBytes, incoming, stats } = this.sessions
    return {
      sessions: count,
      queuedMessages,
      queuedBytes,
      incoming,
      sessionsExpired: stats.expired,
      sessionsRefused: stats.refused,
      dropped: { ...stats.dropped, retained: this.retained.refused },
      retained: this.retained.count,
      retainedBytes: this.retained.bytes,
      commits: this.#saver.stats.commits,
      changes: this.#saver.stats.changes,
      failures: this.#saver.stats.failures,
    }
  }

  connected(clientId: string): void {
    this.sessions.get(clientId)?.connect()
  }

  /** Resolves when what was changed until now is on the disk. */
  saved(): Promise<void> {
    return this.#saver.saved()
  }

  disconnected(clientId: string): void {
    this.sessions.get(clientId)?.disconnect()
    this.disown(clientId)
  }

  /** If nothing is left of it. */
  disown(clientId: string): void {
    if (this.sessions.get(clientId) === undefined && this.wills.get(clientId) === undefined)
      this.owners.forgetClient(clientId)
  }

  /** From now on, what is kept is kept for somebody. */
  belongTo(source: OwnerSource): void {
    this.owners.belongTo(source)
  }

  /** The identity of a session; undefined: there is none. */
  sessionOwner(clientId: string): string | null | undefined {
    return this.sessions.get(clientId) === undefined ? undefined : this.owners.ofClient(clientId)
  }

  /** Resolves when it is gone for good. */
  async endSession(clientId: string): Promise<void> {
    const session = this.sessions.get(clientId)
    if (session !== undefined) this.sessions.end(session)
    this.wills.delete(clientId)
    this.owners.forgetClient(clientId)
    await this.#saver.saved()
  }

  /** What identities may do has changed. Resolves when what they may not have is gone, also from the disk. */
  async review(): Promise<ReviewReport> {
    const report = review(this)
    await this.#saver.saved()
    return report
  }

  /**
   * Before a publish is acknowledged: keeps it as retained message, and queues it in the order in which messages
   * come, whoever sleeps or wakes meanwhile. Null: it leaves nothing.
   */
  prepare(packet: Message): Prepared | null {
    const { topic, payload, qos, retain, properties, messageExpiry } = packet
    if (qos === 0) return null
    const subscriptions = this.sessions.matching(topic)
    const shares = this.sessions.shared.choose(topic, qos)
    if (subscriptions.length === 0 && shares.length === 0 && !retain) return null
    if (retain) this.retained.keep({ cmd: 'publish', topic, payload, qos, retain, properties, messageExpiry })
    const deliveries = this.outbox.queue(subscriptions, packet)
    const shared = this.outbox.queueShares(shares, packet)
    const isAwaited =
      retain ||
      subscriptions.some(({ clientId }) => !this.#isListening(clientId)) ||
      shares.some(({ session }) => session.subscriber === null)
    const prepared = { saved: isAwaited ? this.#saver.saved() : null, isRetained: retain, deliveries, shared }
    this.#prepared.set(payload, prepared)
    return prepared
  }

  /** The publish is not acknowledged after all: its sender will send it again. */
  cancel({ deliveries, shared }: Prepared): void {
    this.outbox.cancel(deliveries.values())
    this.outbox.cancel(shared.map(({ delivery }) => delivery))
  }

  /** To whom of each shared subscription a message on the bus goes: decided when it was prepared, or now. */
  sharesOf(packet: Packet): readonly SharedDelivery[] {
    if (this.sessions.shared.isEmpty) return NO_SHARES
    const prepared = this.preparedFor(packet.payload)
    if (prepared !== undefined) return prepared.shared
    return this.outbox.queueShares(this.sessions.shared.choose(packet.topic, packet.qos), packet)
  }

  /** A QoS 2 message, in one commit with its identifier; null: nothing is to be awaited. */
  storeIncoming(session: Session, packetId: number, packet: Message): Promise<void> | null {
    this.sessions.addIncoming(session, packetId, true, !session.isVolatile)
    const prepared = this.prepare(packet)
    return session.isVolatile ? (prepared?.saved ?? null) : this.#saver.saved()
  }

  /** What was noted reaches the disk first. */
  destroy(): Promise<void> {
    clearInterval(this.#clock)
    this.#destroyed ??= this.#saver.close()
    return this.#destroyed
  }

  protected preparedFor(payload: Buffer | string): Prepared | undefined {
    return typeof payload === 'string' ? undefined : this.#prepared.get(payload)
  }

  #isListening(clientId: string): boolean {
    return (this.sessions.get(clientId)?.subscriber ?? null) !== null
  }
}
