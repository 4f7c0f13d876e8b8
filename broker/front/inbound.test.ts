import { beforeEach, expect, it } from 'vitest'
import { OPEN } from '../fixture.ts'
import type { Persistence, Prepared } from '../persistence/persistence.ts'
import { Session } from '../persistence/session.ts'
import { PUBLISH, type Publish } from './codec/packets.ts'
import { NO_PROPERTIES } from './codec/properties.ts'
import { Inbound } from './inbound.ts'

/** What happened, in order: identifiers of each write, `topic` published, `-topic` cancelled, `failed`. */
let log: string[]
/** By topic: when a message is stored, and when what it leaves for sleepers is. */
let stored: Map<string, Promise<void>>
let saved: Map<string, Promise<void> | null>
let inbound: Inbound
beforeEach(() => {
  log = []
  stored = new Map()
  saved = new Map()
  // One that keeps nothing by itself: what is on the disk when is the test's to say.
  const persistence = {
    sessions: { adopt: () => true },
    prepare: ({ topic }: { topic: string }) =>
      saved.has(topic) ? ({ saved: saved.get(topic), topic } as unknown as Prepared) : null,
    cancel: (dropped: Prepared) => void log.push(`-${(dropped as unknown as { topic: string }).topic}`),
  } as unknown as Persistence
  inbound = new Inbound(
    new Session('c', true),
    persistence,
    {
      take: (_access, { topic }) => stored.get(topic) ?? Promise.resolve(),
      repeat: () => null,
      publish: ({ topic }) => void log.push(topic),
      isWanted: topic => topic !== 'unheard',
    },
    {
      access: OPEN,
      codec: { saysWhy: false },
      answer(bytes) {
        const acks = Buffer.from(bytes)
        const ids: number[] = []
        for (let at = 0; at < acks.length; at += 4) {
          expect(acks.readUInt16BE(at)).toBe(0x4002)
          ids.push(acks.readUInt16BE(at + 2))
        }
        log.push(ids.join(' '))
      },
      disconnect() {
        inbound.close()
        log.push('failed')
      },
      hold: () => undefined,
      release: () => undefined,
    },
    { receiveMaximum: 100, maxInflight: 100, inboundTopicAliases: 0 },
  )
})

function publish(packetId: number, topic: string, on: Promise<void> = Promise.resolve()): void {
  stored.set(topic, on)
  const packet: Publish = {
    type: PUBLISH,
    topic,
    payload: Buffer.from(topic),
    qos: 1,
    retain: false,
    dup: false,
    packetId,
    isKnownTopic: true,
    properties: NO_PROPERTIES,
    raw: null,
  }
  inbound.publish(packet)
}

const settled = () => new Promise<void>(resolve => setImmediate(resolve))

it('those of one commit leave in one write, in the order of arrival, whichever commit is done first', async () => {
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  for (let id = 1; id <= 3; id++) publish(id, 'unheard', first.promise)
  for (let id = 4; id <= 5; id++) publish(id, 'unheard', second.promise)
  second.resolve()
  await settled()
  expect(log).toEqual([])
  first.resolve()
  await settled()
  expect(log).toEqual(['1 2 3 4 5'])
})

it('what is kept for somebody holds up its acknowledgement, and those behind it', async () => {
  const kept = Promise.withResolvers<void>()
  saved.set('kept', kept.promise)
  publish(1, 'unheard')
  publish(2, 'kept')
  publish(3, 'heard')
  await settled()
  expect(log).toEqual(['1'])
  kept.resolve()
  await settled()
  expect(log).toEqual(['1', '2 3', 'kept', 'heard'])
})

it('what was not stored is not acknowledged, nor is anything after it; what was kept of them is dropped', async () => {
  const refused = Promise.withResolvers<void>()
  for (const topic of ['b', 'c']) saved.set(topic, null)
  publish(1, 'a')
  publish(2, 'b', refused.promise)
  publish(3, 'c')
  await settled()
  refused.reject(new Error('the disk is full'))
  await settled()
  expect(log).toEqual(['1', 'a', '-b', '-c', 'failed'])
})

it('a client that is gone will send again: nothing is published', async () => {
  const accepted = Promise.withResolvers<void>()
  saved.set('a', null)
  publish(1, 'a', accepted.promise)
  inbound.close()
  accepted.resolve()
  await settled()
  expect(log).toEqual(['-a'])
})
