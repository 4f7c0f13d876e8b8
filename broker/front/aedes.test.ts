/** What the front leans on and Aedes does not promise: these fail when a later version does otherwise. */

import { Aedes } from 'aedes'
import { afterEach, expect, it } from 'vitest'
import { Seat } from './seat.ts'

/** Every object has something of that name. */
const NAME = '__proto__'

let aedes: Aedes
afterEach(() => new Promise<void>(resolve => aedes.close(resolve)))

interface Insides {
  readonly clients: Record<string, unknown>
  readonly mq: { emit: (packet: Record<string, unknown>, done?: () => void) => unknown }
}
const insides = () => aedes as unknown as Insides

it('a client that it did not make is registered, counted, told of, and closed with it', async () => {
  aedes = await Aedes.createBroker()
  const told: string[] = []
  aedes.on('client', ({ id }) => void told.push(`came ${id}`))
  aedes.on('clientDisconnect', ({ id }) => void told.push(`left ${id}`))
  const seat: Seat = new Seat(aedes, NAME, 4, () => seat.leave())
  await seat.free()
  seat.take()
  expect(aedes.connectedClients).toBe(1)
  expect(insides().clients[NAME]).toBe(seat)
  const other: Seat = new Seat(aedes, NAME, 4, () => other.leave())
  await other.free()
  other.take()
  expect(seat.closed).toBe(true)
  expect(insides().clients[NAME]).toBe(other)
  await new Promise<void>(resolve => aedes.close(resolve))
  expect(other.closed).toBe(true)
  expect(told).toEqual([`came ${NAME}`, `left ${NAME}`, `came ${NAME}`, `left ${NAME}`])
})

it('the bus brings our fields of a packet, its payload as the same object, and its sender', async () => {
  aedes = await Aedes.createBroker()
  const seen: Record<string, unknown>[] = []
  const { mq } = insides()
  const emit = mq.emit.bind(mq)
  mq.emit = (packet, done) => {
    seen.push(packet)
    return emit(packet, done)
  }
  const payload = Buffer.from('x')
  const properties = Buffer.from([1, 1])
  const publish = (packet: object) =>
    new Promise<void>((resolve, reject) =>
      aedes.publish(packet as never, error => (error ? reject(error) : resolve())),
    )
  for (const qos of [0, 1, 2]) {
    const packet = { cmd: 'publish', topic: 'a', payload, qos, retain: true, dup: false }
    await publish({ ...packet, clientId: 'me', properties, messageExpiry: 5 })
  }
  expect(seen).toHaveLength(3)
  for (const packet of seen) {
    expect(packet.payload).toBe(payload)
    expect(packet.properties).toBe(properties)
    expect(packet).toMatchObject({ clientId: 'me', messageExpiry: 5, retain: true })
    expect(packet.brokerCounter).toBeGreaterThan(0)
  }
  // A packet without them has none of its own.
  await publish({ cmd: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false })
  expect(Object.keys(seen[3]!)).not.toContain('properties')
})
