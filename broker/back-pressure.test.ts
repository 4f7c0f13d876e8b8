import { generate } from 'mqtt-packet'
import { expect, it } from 'vitest'
import { FreshBroker } from './fresh-broker.ts'
import { connectRaw } from './raw-client.ts'

const broker = new FreshBroker()

it.each([
  { name: 'each in a packet of its own', isBurst: false },
  { name: 'all at once', isBurst: true },
])(
  'a client is not read from while too many of its messages wait, sent $name; none is lost',
  async ({ isBurst }) => {
    const total = 5000
    const waiting: (() => void)[] = []
    let accepted = 0
    await broker.start({
      maxWaitingPerClient: 100,
      accept: () => {
        accepted++
        return new Promise(resolve => waiting.push(resolve))
      },
    })
    const client = await connectRaw(broker.port, { clientId: 'eager' })
    const common = {
      cmd: 'publish',
      topic: 'a/b',
      payload: 'x'.repeat(1000),
      qos: 1,
      retain: false,
      dup: false,
    } as const
    const packets = Array.from({ length: total }, (_, i) => generate({ ...common, messageId: i + 1 }))
    if (isBurst) client.socket.write(Buffer.concat(packets))
    else {
      for (const packet of packets) {
        client.socket.write(packet)
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    // What one read of the socket brings comes whole.
    expect(accepted).toBeLessThan(100 + 70)
    const acks = () => client.received.filter(({ cmd }) => cmd === 'puback').length
    while (acks() < total) {
      for (const accept of waiting.splice(0)) accept()
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(accepted).toBe(total)
    expect(client.received.flatMap(packet => (packet.cmd === 'puback' ? [packet.messageId] : []))).toEqual(
      packets.map((_, i) => i + 1),
    )
    expect(broker.broker.stats.paused).toBeGreaterThan(0)
    client.destroy()
  },
)
