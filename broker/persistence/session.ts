/**
 * What the broker keeps for one client beyond its connection: subscriptions, the messages on their way to it, and
 * the packet identifiers of the QoS 2 messages that came from it.
 *
 * A message on its way is a delivery:
 *
 *   waiting --sent, has a packet id--> sent --PUBACK--------------------> gone
 *                                       |                                  ^
 *                                       +--PUBREC (QoS 2)--> released --PUBCOMP
 */

export interface Grant {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  /** Of MQTT 5, as they came. */
  readonly rh?: number | undefined
  readonly rap?: boolean | undefined
  readonly nl?: boolean | undefined
  readonly subscriptionIdentifier?: number | undefined
}

export interface Delivery {
  /** Grows with the queue: the order of ids is the order of messages. */
  readonly id: number
  readonly session: Session
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos: 0 | 1 | 2
  readonly bytes: number
  /** To a connection without a lasting session, and not counted with the queues. */
  readonly isUnderWay: boolean
  /** Of MQTT 5; see packet.ts. */
  readonly properties: Buffer | null
  readonly expiresAtMs: number | null
  /** As its receiver is to be told [MQTT-3.3.1-12], [MQTT-3.3.1-13]. */
  readonly retain: boolean
  readonly subscriptionIds: readonly number[] | null
  /** The shared subscription that it is for; null: none. */
  readonly share: string | null
  readonly brokerId: string | undefined
  /** Under which the bus knows the message; null until it gets there. */
  counter: number | null
  packetId: number | null
  isReleased: boolean
  /** In which of the client's connections it was sent last; 0: in none; -1: before this start. */
  connection: number
  /** The database has it. */
  isSaved: boolean
}

/** A QoS 2 message from the client that is on its way to the disk. */
export interface Settling {
  /** With whether it is taken for good. Never rejects. */
  done: Promise<boolean>
  /** Its identifier is among the incoming ones; or its connection was lost, and it will come again. */
  isDecided: boolean
}

/** A connected client. */
export interface Subscriber {
  /** The message was put into its queue, and is to be sent in its turn. */
  send(delivery: Delivery): void
}

export class Session {
  readonly clientId: string
  /** Ends with its connection: it is in memory only. */
  readonly isVolatile: boolean
  /** Ends when its client stays away for so long; null: the setting counts. */
  expiryMs: number | null = null
  subscriber: Subscriber | null = null
  readonly grants = new Map<string, Grant>()
  /** By id, in the order of the queue. */
  readonly queue = new Map<number, Delivery>()
  readonly incoming = new Map<number, unknown>()
  /** By packet identifier; null: there were none. */
  settling: Map<number, Settling> | null = null
  /** How many of them are not among the incoming ones. */
  taking = 0
  /** Nothing of it goes on. */
  isEnded = false
  queuedBytes = 0
  /** How long the client was away while we ran: wall clocks jump, and that we were off is not the client's fault. */
  idleMs = 0
  /** When that was counted last, by the monotonic clock. */
  agedAtMs = performance.now()
  /** Counts the client's connections. */
  connection = 1
  isConnected = false
  readonly #byCounter = new Map<number, Delivery>()
  readonly #byPacketId = new Map<number, Delivery>()
  #lastPacketId = 0

  constructor(clientId: string, isVolatile = false) {
    this.clientId = clientId
    this.isVolatile = isVolatile
  }

  /** Nothing is lost if it is forgotten. To MQTT 5 clients, that there is a session is something. */
  get isEmpty(): boolean {
    return (
      this.expiryMs === null &&
      this.grants.size === 0 &&
      this.queue.size === 0 &&
      this.incoming.size === 0 &&
      (this.settling === null || this.settling.size === 0)
    )
  }

  /** Messages that were not sent yet. */
  get waiting(): number {
    return this.queue.size - this.#byPacketId.size
  }

  add(delivery: Delivery): void {
    this.queue.set(delivery.id, delivery)
    this.queuedBytes += delivery.bytes
    if (delivery.counter !== null) this.#byCounter.set(delivery.counter, delivery)
    if (delivery.packetId !== null) this.#byPacketId.set(delivery.packetId, delivery)
  }

  connect(): void {
    this.disconnect()
    this.isConnected = true
    this.connection++
    this.idleMs = 0
  }

  disconnect(): void {
    if (this.isConnected) this.agedAtMs = performance.now()
    this.isConnected = false
  }

  /** Tells under which number the bus will bring it. */
  attach(delivery: Delivery, counter: number): void {
    if (!this.queue.has(delivery.id)) return
    delivery.counter = counter
    this.#byCounter.set(counter, delivery)
  }

  /** Lets time pass while its client is away. */
  age(): void {
    const nowMs = performance.now()
    if (!this.isConnected) this.idleMs += nowMs - this.agedAtMs
    this.agedAtMs = nowMs
  }

  /** By the number that its packet carries: of the bus, or its own id, negative, before the bus had it. */
  find(counter: number): Delivery | undefined {
    return counter < 0 ? this.queue.get(-counter) : this.#byCounter.get(counter)
  }

  withPacketId(packetId: number): Delivery | undefined {
    return this.#byPacketId.get(packetId)
  }

  /**
   * Returns the identifier that the packet is to carry: another one when a message of an earlier connection still
   * holds it.
   */
  markSent(delivery: Delivery, packetId: number): number {
    const holder = this.#byPacketId.get(packetId)
    const free = holder === undefined || holder === delivery ? packetId : this.#freePacketId(packetId)
    if (delivery.packetId !== null) this.#byPacketId.delete(delivery.packetId)
    delivery.packetId = free
    delivery.connection = this.connection
    this.#byPacketId.set(free, delivery)
    return free
  }

  remove(delivery: Delivery): void {
    if (!this.queue.delete(delivery.id)) return
    this.queuedBytes -= delivery.bytes
    if (delivery.counter !== null) this.#byCounter.delete(delivery.counter)
    if (delivery.packetId !== null && this.#byPacketId.get(delivery.packetId) === delivery)
      this.#byPacketId.delete(delivery.packetId)
  }

  /** For a message that was not sent before. */
  nextPacketId(): number {
    this.#lastPacketId = this.#freePacketId(this.#lastPacketId)
    return this.#lastPacketId
  }

  #freePacketId(taken: number): number {
    let packetId = taken
    do packetId = packetId >= 65_535 ? 1 : packetId + 1
    while (this.#byPacketId.has(packetId))
    return packetId
  }
}
