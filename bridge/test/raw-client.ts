/** MQTT packet by packet over a socket, for what a well-behaved client would never send on command. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import mqtt, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'

export class RawClient {
  readonly socket: Socket
  readonly #packets: Packet[] = []
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.socket = socket
    const parser = mqtt.parser({ protocolVersion: 4 })
    parser.on('packet', packet => {
      this.#packets.push(packet)
      this.#wake()
    })
    socket.on('data', chunk => parser.parse(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#wake())
  }

  /** Connected, with the CONNACK taken. */
  static async connect(port: number, options: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const client = new RawClient(socket)
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'raw',
      keepalive: 60,
      ...options,
    })
    await client.next('connack')
    return client
  }

  send(packet: Packet): void {
    this.socket.write(mqtt.generate(packet))
  }

  publish(packet: Pick<IPublishPacket, 'topic' | 'payload'> & Partial<IPublishPacket>): void {
    this.send({ cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 1, ...packet })
  }

  /** The next packet, which must be of that kind. */
  async next(cmd: Packet['cmd']): Promise<Packet> {
    while (this.#packets.length === 0) {
      if (this.socket.destroyed) throw new Error(`closed while waiting for ${cmd}`)
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
    const packet = this.#packets.shift()!
    if (packet.cmd !== cmd) throw new Error(`${packet.cmd} instead of ${cmd}`)
    return packet
  }

  async closed(): Promise<void> {
    while (!this.socket.destroyed) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  end(): void {
    this.socket.destroy()
  }
}
