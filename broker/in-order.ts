/**
 * Aedes numbers a message when it is published, and hands it to the bus when retained message and queues are done
 * with it. A later one may be done sooner; a subscriber takes the earlier number for a duplicate then, and drops it.
 * So messages wait here for those that were published before them.
 */

import type { Aedes, AedesPublishPacket, PublishPacket } from 'aedes'

/** Aedes as it is at run time, beyond its types. */
interface Insides {
  readonly counter: number
  readonly mq: { emit: Emit }
  publish: Publish
}

type Done = (error?: Error | null) => void
type Emit = (packet: AedesPublishPacket, done?: Done) => unknown
type Publish = (packet: PublishPacket, client: unknown, done?: unknown) => void

interface Ticket {
  /** Hands the message to the bus; null: it is not ready. */
  emit: (() => void) | null
  /** It never will be. */
  isVoid: boolean
}

export function keepInOrder(aedes: Aedes): void {
  const insides = aedes as unknown as Insides
  const publish = insides.publish.bind(aedes)
  const emit = insides.mq.emit.bind(insides.mq)
  /** By number, oldest first. */
  const tickets = new Map<number, Ticket>()

  insides.publish = (packet, client, done) => {
    const finish = (typeof client === 'function' ? client : done) as Done | undefined
    const ticket: Ticket = { emit: null, isVoid: false }
    const number = insides.counter + 1
    tickets.set(number, ticket)
    publish(packet, typeof client === 'function' ? null : client, (error?: Error | null) => {
      // An error before the bus had it: nobody is to wait for it.
      if (tickets.get(number) === ticket) {
        ticket.isVoid = true
        advance()
      }
      finish?.(error)
    })
  }

  insides.mq.emit = (packet, done) => {
    const ticket = tickets.get(packet.brokerCounter)
    if (ticket === undefined) return emit(packet, done)
    ticket.emit = () => void emit(packet, done)
    advance()
    return insides.mq
  }

  function advance(): void {
    for (const [number, ticket] of tickets) {
      if (!ticket.isVoid && ticket.emit === null) return
      tickets.delete(number)
      ticket.emit?.()
    }
  }
}
