/** QoS 2 from a client: whatever becomes of the connection while a message is on its way to the disk, it is taken once. */

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { generate, type IPublishPacket } from 'mqtt-packet'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Delivery } from '../delivery.ts'
import { type Listener, listener, OPEN, send, until } from '../fixture.ts'
import { FreshBroker } from '../fresh-broker.ts'
import type { Greeted } from '../mqtt5-client.ts'
import { stateOnDisk } from '../persistence/fixture.ts'
import { connectRaw, type RawClient } from '../raw-client.ts'
import { seeded } from '../seeded.ts'

const on = new FreshBroker()

/** Takes what is called `slow...` when it is told to, and everything else at once. */
class Disk {
  readonly #waiting: (() => void)[] = []

  readonly accept = ({ topic, qos }: Delivery): Promise<void> | null => {
    if (topic.startsWith('t/slow')) return new Promise(resolve => this.#waiting.push(resolve))
    return qos === 0 ? null : Promise.resolve()
  }

  async has(messages: number): Promise<void> {
    await until(() => this.#waiting.length === messages)
  }

  done(): void {
    for (const taken of this.#waiting.splice(0)) taken()
  }
}

let disk: Disk
beforeEach(() => {
  disk = new Disk()
})

type Sender = Pick<RawClient, 'received' | 'next' | 'closed' | 'socket' | 'connack' | 'send'>

function comes(version: 4 | 5, clean = false): Promise<RawClient | Greeted> {
  return version === 4
    ? connectRaw(on.port, { clientId: 'sender', clean })
    : on.greet({ clientId: 'sender', clean, properties: { sessionExpiryInterval: clean ? 0 : 600 } })
}

function message(messageId: number, name: string | number = messageId, dup = false): IPublishPacket {
  return { cmd: 'publish', topic: `t/${name}`, payload: '', qos: 2, retain: false, dup, messageId }
}

async function leaves(sender: Sender): Promise<void> {
  sender.send({ cmd: 'disconnect' })
  await sender.closed
}

async function drops(sender: Sender): Promise<void> {
  sender.socket.destroy()
  await until(() => on.broker.clients === 1)
}

/** To its end, from wherever it is. */
async function completes(sender: Sender, messageId: number): Promise<void> {
  await sender.next('pubrec')
  sender.send({ cmd: 'pubrel', messageId })
  await sender.next('pubcomp')
}

async function settled(sender: Sender): Promise<void> {
  sender.send({ cmd: 'pingreq' })
  await sender.next('pingresp')
}

async function watcher(): Promise<Listener> {
  const watching = await listener(on.port, { clientId: 'watcher' })
  await watching.client.subscribeAsync('t/#', { qos: 2 })
  return watching
}

/** All that was published up to now. */
async function heardBy(watching: Listener): Promise<string[]> {
  await send(on.port, [['t/end', '']], 2)
  while (watching.heard.at(-1) !== 't/end ') await watching.count(watching.heard.length + 1)
  return watching.heard.slice(0, -1)
}

function acks(sender: Sender): [string, number | undefined, number][] {
  return sender.received.flatMap(packet =>
    packet.cmd === 'pubrec' || packet.cmd === 'pubcomp'
      ? [[packet.cmd, packet.messageId, packet.reasonCode ?? 0]]
      : [],
  )
}

describe.each([4, 5] as const)('by protocol version %i', version => {
  it('a message is known after PUBREC when nothing else is of its session, also after a crash', async () => {
    await on.start({ accept: disk.accept })
    const watching = await watcher()
    const first = await comes(version)
    first.send(message(1))
    await first.next('pubrec')
    first.send(message(2, 'slow'))
    // The session has nothing left but what is under way.
    first.send({ cmd: 'pubrel', messageId: 1 })
    await first.next('pubcomp')
    await disk.has(1)
    disk.done()
    await first.next('pubrec')
    expect(stateOnDisk(on.directory).incoming).toEqual([{ client: 'sender', packetId: 2 }])
    await drops(first)
    const second = await comes(version)
    expect(second.connack.sessionPresent).toBe(true)
    second.send(message(2, 'slow', true))
    await completes(second, 2)
    expect(await heardBy(watching)).toEqual(['t/1 ', 't/slow '])
    expect(on.broker.stats.incoming).toBe(0)
  })

  it.each(['while it is on its way to the disk', 'when it is there'])(
    'a message sent right before DISCONNECT is taken once, when its client comes back and repeats it %s',
    async when => {
      await on.start({ accept: disk.accept })
      const watching = await watcher()
      const first = await comes(version)
      first.send(message(1, 'slow'))
      await leaves(first)
      await disk.has(1)
      if (when === 'when it is there') {
        disk.done()
        await watching.count(1)
      }
      const second = await comes(version)
      expect(second.connack.sessionPresent).toBe(true)
      second.send(message(1, 'slow', true))
      await settled(second)
      disk.done()
      await completes(second, 1)
      expect(await heardBy(watching)).toEqual(['t/slow '])
      expect(on.broker.stats.incoming).toBe(0)
    },
  )

  it('a message sent right before DISCONNECT goes out, though its session ends, and leaves nothing', async () => {
    await on.start({ accept: disk.accept })
    const watching = await watcher()
    const first = await comes(version, true)
    first.send(message(1, 'slow'))
    await leaves(first)
    await disk.has(1)
    disk.done()
    await watching.count(1)
    expect(on.broker.stats).toMatchObject({ incoming: 0, sessions: 0 })
    // To another session it is another message.
    const second = await comes(version, true)
    second.send(message(1, 'slow'))
    await disk.has(1)
    disk.done()
    await completes(second, 1)
    expect(await heardBy(watching)).toEqual(['t/slow ', 't/slow '])
  })

  it('a message that was not stored when its connection was lost is taken when it comes again', async () => {
    await on.start({ accept: disk.accept })
    const watching = await watcher()
    const first = await comes(version)
    first.send(message(1, 'slow'))
    await disk.has(1)
    await drops(first)
    const second = await comes(version)
    second.send(message(1, 'slow', true))
    await disk.has(2)
    disk.done()
    await completes(second, 1)
    expect(await heardBy(watching)).toEqual(['t/slow '])
    expect(on.broker.stats.incoming).toBe(0)
  })

  it('as many at once as the limit says are taken, stored or not, and one more is not', async () => {
    await on.start({
      accept: disk.accept,
      limits: { maxInflight: 10 },
      maxWaitingPerClient: version === 4 ? 1000 : 10,
    })
    const sender = await comes(version)
    sender.send(message(1, 'slow'))
    for (let id = 2; id <= 6; id++) sender.send(message(id))
    // Stored, and behind one that is not.
    await until(() => on.broker.stats.incoming === 5)
    for (let id = 7; id <= 10; id++) sender.send(message(id))
    await until(() => on.broker.stats.incoming === 9)
    await disk.has(1)
    disk.done()
    for (let id = 1; id <= 10; id++) expect(await sender.next('pubrec')).toMatchObject({ messageId: id })
    // Not released: they count until they are.
    sender.send({ cmd: 'pubrel', messageId: 1 })
    await sender.next('pubcomp')
    sender.send(message(11))
    await sender.next('pubrec')
    expect(on.broker.stats.closed).toEqual({})
    sender.send(message(12))
    if (version === 5) expect(await sender.next('disconnect')).toMatchObject({ reasonCode: 0x93 })
    await sender.closed
    expect(on.broker.stats.closed).toEqual({ inflight: 1 })
  })

  it('PUBREL that did not wait for its PUBREC is answered after it, and completes the message', async () => {
    await on.start({ accept: disk.accept })
    const sender = await comes(version)
    sender.send(message(1, 'slow'))
    sender.send({ cmd: 'pubrel', messageId: 1 })
    await settled(sender)
    await disk.has(1)
    disk.done()
    await sender.next('pubcomp')
    expect(acks(sender)).toEqual([
      ['pubrec', 1, 0],
      ['pubcomp', 1, 0],
    ])
    expect(on.broker.stats.incoming).toBe(0)
  })

  it('nor is it completed before an older message lets its PUBREC go', async () => {
    await on.start({ accept: disk.accept })
    const sender = await comes(version)
    sender.send(message(1, 'slow'))
    sender.send(message(2))
    await until(() => on.broker.stats.incoming === 1)
    sender.send({ cmd: 'pubrel', messageId: 2 })
    await settled(sender)
    await disk.has(1)
    // Were it to come, it would be there by the next commit.
    sender.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'any', qos: 0 }] })
    await sender.next('suback')
    expect(acks(sender)).toEqual([])
    disk.done()
    await sender.next('pubcomp')
    expect(acks(sender)).toEqual([
      ['pubrec', 1, 0],
      ['pubrec', 2, 0],
      ['pubcomp', 2, 0],
    ])
    expect(on.broker.stats.incoming).toBe(1)
  })

  it('nor before a repetition is answered, whose PUBREC would pass for that of the next message', async () => {
    const counted = Promise.withResolvers<void>()
    await on.start({ repeat: () => counted.promise })
    const sender = await comes(version)
    sender.send(message(1))
    await sender.next('pubrec')
    sender.send(message(1, 1, true))
    sender.send({ cmd: 'pubrel', messageId: 1 })
    await settled(sender)
    expect(sender.received.some(({ cmd }) => cmd === 'pubcomp')).toBe(false)
    counted.resolve()
    await sender.next('pubcomp')
    expect(sender.received.map(({ cmd }) => cmd).filter(cmd => /^pub/.test(cmd))).toEqual([
      'pubrec',
      'pubrec',
      'pubcomp',
    ])
    sender.socket.destroy()
  })

  // By MQTT 5 a session that lasts is something by itself.
  it.runIf(version === 4)(
    'of sessions that are over once their messages are, not even an owner stays',
    async () => {
      await on.start({
        accept: async () => void (await sleep(10)),
        authenticate: async () => ({ ok: true, access: { ...OPEN, identity: 'somebody' } }),
        accessOf: () => ({ ...OPEN, identity: 'somebody' }),
      })
      for (let i = 0; i < 5; i++) {
        const sender = await connectRaw(on.port, { clientId: `once-${i}`, clean: false })
        const packets = [message(1), { cmd: 'pubrel', messageId: 1 }, { cmd: 'disconnect' }] as const
        sender.socket.write(Buffer.concat(packets.map(packet => generate(packet))))
        await sender.closed
      }
      await until(() => on.broker.stats.incoming === 0 && on.broker.stats.sessions === 0)
      await until(() => stateOnDisk(on.directory).owners.length === 0)
    },
  )

  it('repetitions of what is under way have a PUBREC of their own', async () => {
    await on.start({ accept: disk.accept })
    const watching = await watcher()
    const sender = await comes(version)
    sender.send(message(1, 'slow'))
    for (let i = 0; i < 3; i++) sender.send(message(1, 'slow', true))
    await settled(sender)
    expect(acks(sender)).toEqual([])
    await disk.has(1)
    disk.done()
    for (let i = 0; i < 4; i++) await sender.next('pubrec')
    // Packet identifier in use: by MQTT 5 only another connection may send it again [MQTT-4.4.0-1].
    const again = version === 4 ? 0 : 0x91
    expect(acks(sender).map(([, , code]) => code)).toEqual([0, again, again, again])
    sender.send({ cmd: 'pubrel', messageId: 1 })
    await sender.next('pubcomp')
    expect(await heardBy(watching)).toEqual(['t/slow '])
  })

  it('a client that repeats without end is not read from beyond the limit, and each one is answered', async () => {
    const total = 3000
    const counting: (() => void)[] = []
    let repeated = 0
    let isSlow = true
    await on.start({
      maxWaitingPerClient: 100,
      repeat: () => {
        repeated++
        return isSlow ? new Promise(resolve => counting.push(resolve)) : null
      },
    })
    const sender = await comes(version)
    sender.send(message(1))
    await sender.next('pubrec')
    const one = generate(message(1, 1, true), { protocolVersion: version })
    sender.socket.write(Buffer.concat(Array<Buffer>(total).fill(one)))
    await until(() => on.broker.stats.paused > 0)
    await settled(await connectRaw(on.port, {}))
    // By MQTT 5, 100 are what it was told.
    expect(repeated).toBe(version === 4 ? 100 : 101)
    isSlow = false
    for (const counted of counting) counted()
    for (let i = 0; i < total; i++) await sender.next('pubrec')
    expect(acks(sender).every(([cmd, id, code]) => cmd === 'pubrec' && id === 1 && code === 0)).toBe(true)
    expect(repeated).toBe(total)
  })
})

/** As the standard has it (4.4): what is not completed is sent again on each connection, in its order. */
class Device {
  static readonly WINDOW = 8
  static readonly TOTAL = 100
  readonly #random: () => number
  readonly #unfinished = new Map<number, { readonly name: number; isReceived: boolean }>()
  #next = 0
  #lastId = 0
  completed = 0

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  get isDone(): boolean {
    return this.completed === Device.TOTAL
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  resume(sender: Sender): void {
    for (const [messageId, { name, isReceived }] of this.#unfinished)
      sender.send(isReceived ? { cmd: 'pubrel', messageId } : message(messageId, name, true))
  }

  /** Until so many answers have come. */
  async talk(sender: Sender, answers: number): Promise<void> {
    const isOver = () => this.isDone || !sender.socket.writable
    for (let seen = 0; seen < answers && !isOver(); ) {
      while (this.#unfinished.size < Device.WINDOW && this.#next < Device.TOTAL) this.#sendNew(sender)
      await setImmediate()
      for (; seen < sender.received.length; seen++) this.#answer(sender, sender.received[seen]!)
    }
  }

  #sendNew(sender: Sender): void {
    // Identifiers come round soon, and meet what is left of them.
    do this.#lastId = (this.#lastId % 20) + 1
    while (this.#unfinished.has(this.#lastId))
    const name = this.#next++
    this.#unfinished.set(this.#lastId, { name, isReceived: false })
    sender.send(message(this.#lastId, name))
  }

  #answer(sender: Sender, packet: Sender['received'][number]): void {
    const { messageId = 0 } = packet
    if (packet.cmd === 'pubrec') {
      const entry = this.#unfinished.get(messageId)
      if (entry !== undefined) entry.isReceived = true
      sender.send({ cmd: 'pubrel', messageId })
    } else if (packet.cmd === 'pubcomp' && this.#unfinished.delete(messageId)) this.completed++
  }
}

describe('a device that comes and goes all the time, by one version and another, gets each message through once', () => {
  it.each(['drops', 'leaves', 'is taken over from'])('when it %s', async how => {
    const device = new Device(how.length)
    await on.start({
      accept: async () => {
        for (let turns = device.below(6); turns > 0; turns--) await setImmediate()
      },
    })
    const watching = await watcher()
    let before: Sender | null = null
    while (!device.isDone) {
      const sender: Sender = await comes(device.below(2) === 0 ? 4 : 5)
      before?.socket.destroy()
      device.resume(sender)
      await device.talk(sender, device.below(20))
      if (how === 'leaves') await leaves(sender)
      else if (how === 'drops') sender.socket.destroy()
      else before = sender
    }
    before?.socket.destroy()
    const heard = await heardBy(watching)
    expect(heard.toSorted()).toEqual(Array.from({ length: Device.TOTAL }, (_, i) => `t/${i} `).toSorted())
    expect(on.broker.stats).toMatchObject({ incoming: 0, closed: {} })
  })
})
