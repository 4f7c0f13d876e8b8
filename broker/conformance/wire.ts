/** A client that is a socket: what is sent and what came, packet by packet, and when the other side closed. */

import { connect as dial, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  acknowledge,
  type ConnectFields,
  connect,
  type Kind,
  PINGREQ,
  type PublishFields,
  publish,
  type Received,
  read,
  subscribe,
} from './packets.ts'
import { Patience } from './patience.ts'

type Of<K extends Kind> = Extract<Received, { kind: K }>
export type Publish = Of<'publish'>

export class Wire {
  /** What came and was not asked for yet, in order. */
  readonly unread: Received[] = []
  readonly stream: Duplex
  #isClosed = false
  #fault: Error | null = null
  #bytes = Buffer.alloc(0)
  readonly #patience = new Patience()
  #lastId = 0

  constructor(stream: Duplex) {
    this.stream = stream
    stream.on('data', (data: Buffer) => this.#take(data))
    stream.on('error', () => undefined)
    stream.once('close', () => {
      this.#isClosed = true
      this.#patience.wake()
    })
  }

  static async open(port: number): Promise<Wire> {
    const socket: Socket = dial({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new Wire(socket)
  }

  send(...packets: readonly Uint8Array[]): void {
    this.stream.write(Buffer.concat(packets))
  }

  /** The next packet, which must be one of this kind. */
  async next<K extends Kind>(kind: K): Promise<Of<K>> {
    await this.#untilReceived(() => this.unread.length > 0, kind)
    const received = this.unread.shift()!
    if (received.kind !== kind) throw new Error(`${kind} was due, ${JSON.stringify(received)} came`)
    return received as Of<K>
  }

  /** The first of this kind; others before it stay. For what comes on its own, in no order to the rest. */
  async find<K extends Kind>(kind: K): Promise<Of<K>> {
    const at = () => this.unread.findIndex(received => received.kind === kind)
    await this.#untilReceived(() => at() !== -1, kind)
    return this.unread.splice(at(), 1)[0] as Of<K>
  }

  /** Subscribes to one filter; returns what the broker granted. */
  async subscribe(filter: string, qos = 0): Promise<number> {
    const id = this.#nextId()
    this.send(subscribe(id, [[filter, qos]]))
    const suback = await this.find('suback')
    if (suback.id !== id || suback.codes.length !== 1) throw new Error(`SUBACK ${JSON.stringify(suback)}`)
    return suback.codes[0]!
  }

  /** Publishes, and goes through the handshake to its end. */
  async publish(fields: PublishFields): Promise<void> {
    const id = fields.id ?? this.#nextId()
    this.send(publish({ ...fields, id }))
    if (fields.qos === 1) expectId(await this.find('puback'), id)
    if (fields.qos !== 2) return
    expectId(await this.find('pubrec'), id)
    this.send(acknowledge('pubrel', id))
    expectId(await this.find('pubcomp'), id)
  }

  /** So many messages, each acknowledged as its QoS asks. */
  async receive(count: number): Promise<Publish[]> {
    const messages: Publish[] = []
    while (messages.length < count) {
      const message = await this.find('publish')
      messages.push(message)
      if (message.qos === 1) this.send(acknowledge('puback', message.id))
      if (message.qos !== 2) continue
      this.send(acknowledge('pubrec', message.id))
      expectId(await this.find('pubrel'), message.id)
      this.send(acknowledge('pubcomp', message.id))
    }
    return messages
  }

  /** Everything sent before has been read and understood, and the connection stands. */
  async ping(): Promise<void> {
    this.send(PINGREQ)
    await this.find('pingresp')
  }

  /** The other side closes, or has. Returns what had come before and was not asked for. */
  async closed(): Promise<readonly Received[]> {
    await this.#until(() => this.#isClosed, 'the end of the connection')
    return this.unread
  }

  /** Without DISCONNECT, as a client whose power went. */
  async drop(): Promise<void> {
    this.stream.destroy()
    await this.closed()
  }

  #take(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, data])
    try {
      for (let next = read(this.#bytes); next !== null; next = read(this.#bytes)) {
        this.#bytes = this.#bytes.subarray(next.length)
        this.unread.push(next.received)
      }
    } catch (error) {
      this.#fault = error as Error
      this.stream.destroy()
    }
    this.#patience.wake()
  }

  #untilReceived(isThere: () => boolean, what: string): Promise<void> {
    return this.#until(() => {
      if (this.#fault !== null) throw this.#fault
      if (isThere()) return true
      if (this.#isClosed) throw new Error(`${what} was due, the connection was closed`)
      return false
    }, what)
  }

  #until(isThere: () => boolean, what: string): Promise<void> {
    return this.#patience.until(
      isThere,
      () => `${what} was due, there is only ${JSON.stringify(this.unread)}`,
    )
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 65_535) + 1
    return this.#lastId
  }
}

/** Sends CONNECT and waits for a CONNACK of success. */
export async function connected(port: number, fields: ConnectFields = {}): Promise<Wire> {
  const { wire, code } = await greeted(port, fields)
  if (code !== 0) throw new Error(`refused with ${code}`)
  return wire
}

/** With what CONNACK said. */
export async function greeted(
  port: number,
  fields: ConnectFields = {},
): Promise<{ readonly wire: Wire; readonly sessionPresent: boolean; readonly code: number }> {
  const wire = await Wire.open(port)
  wire.send(connect(fields))
  const { sessionPresent, code } = await wire.next('connack')
  return { wire, sessionPresent, code }
}

function expectId(received: { readonly kind: string; readonly id: number }, id: number): void {
  if (received.id !== id) throw new Error(`${received.kind} of ${received.id}, not of ${id}`)
}
