/** A client that keeps what it hears, acknowledges it, and forgives a closed connection. MQTT 3.1.1 or 5. */

import { connect, type Socket } from 'node:net'
import {
  generate,
  type IConnackPacket,
  type IPublishPacket,
  type ISubackPacket,
  type Packet,
  parser,
} from 'mqtt-packet'

export interface LaneOptions {
  readonly port: number
  readonly id: string
  readonly clean: boolean
  readonly version: 4 | 5
  readonly onMessage: (packet: IPublishPacket) => void
}

export class LaneClient {
  readonly #socket: Socket
  readonly #version: 4 | 5
  readonly #answers = new Map<string, (packet: Packet | null) => void>()
  #lastId = 0
  #isOpen = true

  private constructor(socket: Socket, { version, onMessage }: LaneOptions) {
    this.#socket = socket
    this.#version = version
    const parse = parser({ protocolVersion: version })
    parse.on('packet', packet => {
      if (packet.cmd === 'publish') {
        onMessage(packet)
        if (packet.qos > 0)
          this.#send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! })
      } else if (packet.cmd === 'pubrel') {
        this.#send({ cmd: 'pubcomp', messageId: packet.messageId! })
      } else {
        this.#answered(keyOf(packet), packet)
      }
    })
    socket.on('data', bytes => parse.parse(bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isOpen = false
      for (const key of [...this.#answers.keys()]) this.#answered(key, null)
    })
  }

  /** Null: it was not let in. */
  static async connect(options: LaneOptions): Promise<LaneClient | null> {
    const { port, id, clean, version } = options
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new LaneClient(socket, options)
    const answer = client.#ask('connack', {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: id,
      username: id,
      password: Buffer.from('x'),
      clean,
      keepalive: 60,
      ...(version === 5 && { properties: { sessionExpiryInterval: clean ? 0 : 3600 } }),
    })
    const connack = (await answer) as IConnackPacket | null
    const code = connack === null ? 1 : version === 5 ? connack.reasonCode : connack.returnCode
    if (code === 0) return client
    socket.destroy()
    return null
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** For each filter whether it was granted; null: closed instead. */
  async subscribe(filters: readonly string[], qos: 0 | 1 | 2): Promise<readonly boolean[] | null> {
    const messageId = this.#nextId()
    const suback = (await this.#ask(`suback ${messageId}`, {
      cmd: 'subscribe',
      messageId,
      subscriptions: filters.map(topic => ({ topic, qos })),
    })) as ISubackPacket | null
    return suback?.granted.map(code => Number(code) < 128) ?? null
  }

  async unsubscribe(filter: string): Promise<void> {
    const messageId = this.#nextId()
    await this.#ask(`unsuback ${messageId}`, { cmd: 'unsubscribe', messageId, unsubscriptions: [filter] })
  }

  /** True: acknowledged. */
  async publish(topic: string, payload: string, retain: boolean): Promise<boolean> {
    const messageId = this.#nextId()
    const packet = { cmd: 'publish', topic, payload, retain, qos: 1, dup: false, messageId } as const
    const puback = await this.#ask(`puback ${messageId}`, packet)
    return puback !== null && ((puback as { reasonCode?: number }).reasonCode ?? 0) < 128
  }

  /** With a word, or without. */
  async end(isPolite: boolean): Promise<void> {
    const closed = new Promise<void>(resolve =>
      this.#isOpen ? this.#socket.once('close', () => resolve()) : resolve(),
    )
    if (isPolite) this.#socket.end(generate({ cmd: 'disconnect' }, { protocolVersion: this.#version }))
    else this.#socket.destroy()
    await closed
  }

  #ask(key: string, packet: Packet): Promise<Packet | null> {
    if (!this.#isOpen) return Promise.resolve(null)
    return new Promise(resolve => {
      this.#answers.set(key, resolve)
      this.#send(packet)
    })
  }

  #answered(key: string, packet: Packet | null): void {
    const answer = this.#answers.get(key)
    this.#answers.delete(key)
    answer?.(packet)
  }

  #send(packet: Packet): void {
    if (this.#isOpen) this.#socket.write(generate(packet, { protocolVersion: this.#version }))
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 65_535) + 1
    return this.#lastId
  }
}

function keyOf(packet: Packet): string {
  return packet.cmd === 'connack' ? 'connack' : `${packet.cmd} ${packet.messageId}`
}
