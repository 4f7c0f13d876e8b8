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

export function keepInOrder(aedes: Aedes): void {
  const insides = aedes as unknown as Insides
  const publish = insides.publish.bind(aedes)
  const emit = insides.mq.emit.bind(insides.mq)
  /** Numbers of what was published and did not reach the bus, oldest first, from `head` on. */
  const numbers: number[] = []
  let head = 0
  /** What is ready before its turn; null: it failed, and will never be. */
  const early = new Map<number, (() => void) | null>()

  insides.publish = (packet, client, done) => {
    const isShort = typeof client === 'function'
    const finish = (isShort ? client : done) as Done | undefined
    const number = insides.counter + 1
    numbers.push(number)
    publish(packet, isShort ? null : client, (error?: Error | null) => {
      if (isWaiting(number)) {
        early.set(number, null)
        advance()
      }
      finish?.(error)
    })
  }

  insides.mq.emit = (packet, done) => {
    const number = packet.brokerCounter
    if (number === numbers[head]) {
      next()
      emit(packet, done)
      if (early.size > 0) advance()
    } else if (isWaiting(number)) {
      early.set(number, () => void emit(packet, done))
    } else {
      emit(packet, done)
    }
    return insides.mq
  }

  /** Numbers reach the bus in their order: those from the oldest on did not. */
  function isWaiting(number: number): boolean {
    return head < numbers.length && number >= numbers[head]!
  }

  function next(): void {
    head++
    if (head < numbers.length) return
    numbers.length = 0
    head = 0
  }

  function advance(): void {
    for (;;) {
      const number = numbers[head]
      if (number === undefined) return
      const ready = early.get(number)
      if (ready === undefined) return
      early.delete(number)
      next()
      ready?.()
    }
  }
}
