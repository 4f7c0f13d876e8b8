/** Hands every message of the bus on, in the order of the bus; see ../in-order.ts, which is to come after this. */

import type { Aedes } from 'aedes'
import type { BusPacket } from './message.ts'

type Emit = (packet: BusPacket, done?: (error?: Error | null) => void) => unknown

export function tapBus(aedes: Aedes, receiver: { route(packet: BusPacket): void }): void {
  const bus = (aedes as unknown as { mq: { emit: Emit } }).mq
  const emit = bus.emit.bind(bus)
  bus.emit = (packet, done) => {
    receiver.route(packet)
    emit(packet, done)
    return bus
  }
}
