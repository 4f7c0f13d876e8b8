/** As many QoS 1 messages as the bridge acknowledges, from little work: sockets, packets encoded by hand, bytes counted. */

import { generate, type IPublishPacket } from 'mqtt-packet'
import { RawClient } from '../raw-client.ts'

const WINDOW = 500
/** A PUBACK, and nothing else comes: `40 02` and the packet identifier. */
const ACK_BYTES = 4

export interface FloodOptions {
  readonly port: number
  readonly connections: number
  /** In all. */
  readonly messages: number
  /** Of the first reading of each device; the others follow millisecond by millisecond. */
  readonly baseMs: number
}

/** Resolves with the acknowledgements when all have come; rejects when a connection ends before. */
export async function flood({ port, connections, messages, baseMs }: FloodOptions): Promise<number> {
  const each = Math.ceil(messages / connections)
  const floods = Array.from({ length: connections }, (_, i) => floodFrom(port, `flood-${i}`, each, baseMs))
  return (await Promise.all(floods)).reduce((sum, acknowledged) => sum + acknowledged, 0)
}

async function floodFrom(port: number, device: string, count: number, baseMs: number): Promise<number> {
  const { socket } = await RawClient.connect(port, { clientId: device })
  socket.removeAllListeners('data')
  return await new Promise((resolve, reject) => {
    let sent = 0
    let ackBytes = 0
    const send = () => {
      const acknowledged = Math.floor(ackBytes / ACK_BYTES)
      const packets: Buffer[] = []
      while (sent < count && sent - acknowledged < WINDOW) packets.push(publication(device, sent++, baseMs))
      if (packets.length > 0) socket.write(Buffer.concat(packets))
      if (acknowledged < count) return
      socket.destroy()
      resolve(acknowledged)
    }
    socket.on('data', bytes => {
      ackBytes += bytes.length
      send()
    })
    socket.on('close', () => reject(new Error(`${device} was disconnected after ${ackBytes / ACK_BYTES}`)))
    send()
  })
}

function publication(device: string, seq: number, baseMs: number): Buffer {
  const packet: IPublishPacket = {
    cmd: 'publish',
    topic: `home/room/${device}/state`,
    payload: `{"seq":${seq},"ts":${baseMs + seq}}`,
    qos: 1,
    messageId: (seq % 65_535) + 1,
    dup: false,
    retain: false,
  }
  return generate(packet)
}
