/** For tests: a client of MQTT 5 that speaks packet by packet, by the codec of others (mqtt-packet), or by bytes. */

import { connect, type Socket } from 'node:net'
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscribePacket,
  type Packet,
} from 'mqtt-packet'
import { type Incoming, packetsFrom } from './raw-client.ts'

const V5 = { protocolVersion: 5 }

export interface Peer extends Incoming {
  readonly socket: Socket
  send(packet: Packet): void
  sendBytes(...bytes: readonly number[]): void
  /** Whatever was sent before is handled, and what it brought about has come. */
  settled(): Promise<void>
  /** Topics and payloads of what was published to it, in order. */
  heard(): string[]
  /** Without a word. */
  drop(): Promise<void>
  /** With DISCONNECT. */
  leave(reasonCode?: number): Promise<void>
}

export interface Greeted extends Peer {
  readonly connack: IConnackPacket
}

export async function open(port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const incoming = packetsFrom(socket, 5)
  await new Promise(resolve => socket.once('connect', resolve))
  const peer: Peer = {
    ...incoming,
    socket,
    send: packet => void socket.write(generate(packet, V5)),
    sendBytes: (...bytes) => void socket.write(Uint8Array.from(bytes)),
    async settled() {
      peer.send({ cmd: 'pingreq' })
      await peer.next('pingresp')
    },
    heard: () =>
      incoming.received.flatMap(packet =>
        packet.cmd === 'publish' ? [`${packet.topic} ${packet.payload}`] : [],
      ),
    drop() {
      socket.destroy()
      return incoming.closed
    },
    leave(reasonCode = 0) {
      peer.send({ cmd: 'disconnect', reasonCode })
      socket.end()
      return incoming.closed
    },
  }
  return peer
}

export type ConnectFields = Partial<IConnectPacket>

export async function greet(port: number, fields: ConnectFields = {}): Promise<Greeted> {
  const peer = await open(port)
  peer.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: '',
    clean: true,
    keepalive: 60,
    ...fields,
  })
  const connack = await peer.next('connack')
  return { ...peer, connack }
}

type SubscribeOptions = Partial<Omit<ISubscribePacket['subscriptions'][number], 'topic'>>

/** Returns the codes of SUBACK. */
export async function subscribe(
  peer: Peer,
  topic: string,
  options: SubscribeOptions = {},
  subscriptionIdentifier?: number,
): Promise<number> {
  const properties = subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }
  peer.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic, qos: 2, nl: false, rap: false, rh: 0, ...options }],
    ...properties,
  })
  const { granted } = await peer.next('suback')
  return granted[0] as number
}

let lastPacketId = 0

/** Resolves with the reason code, when it is acknowledged to the end; by QoS 0 at once. */
export async function publish(
  peer: Peer,
  topic: string,
  payload: string | Buffer,
  fields: Partial<IPublishPacket> = {},
): Promise<number> {
  const { qos = 1 } = fields
  lastPacketId = (lastPacketId % 60_000) + 1
  const messageId = fields.messageId ?? lastPacketId
  peer.send({ cmd: 'publish', topic, payload, qos, retain: false, dup: false, ...fields, messageId })
  if (qos === 0) return 0
  const ack = await peer.next(qos === 1 ? 'puback' : 'pubrec')
  const code = ack.reasonCode ?? 0
  if (qos === 1 || code >= 0x80) return code
  peer.send({ cmd: 'pubrel', messageId })
  return (await peer.next('pubcomp')).reasonCode ?? 0
}
