import { expect, it } from 'vitest'
import { Acknowledgements } from './acknowledgements.ts'
import type { BusPublication } from './intake.ts'
import type { Prepared } from './persistence/sqlite-persistence.ts'

interface Bench {
  readonly acknowledgements: Acknowledgements
  /** What happened, in order: identifiers of each write, `topic` published, `-topic` cancelled, `failed`. */
  readonly log: string[]
}

function bench(): Bench {
  const log: string[] = []
  const acknowledgements = new Acknowledgements({
    write(bytes) {
      const ids: number[] = []
      for (let at = 0; at < bytes.length; at += 4) {
        expect(bytes.readUInt16BE(at)).toBe(0x4002)
        ids.push(bytes.readUInt16BE(at + 2))
      }
      log.push(ids.join(' '))
    },
    publish: ({ topic }) => void log.push(topic),
    cancel: dropped => void log.push(`-${(dropped as unknown as { topic: string }).topic}`),
    failed: () => void log.push('failed'),
    eased: () => undefined,
  })
  return { acknowledgements, log }
}

const publication = (topic: string): BusPublication => ({
  topic,
  payload: Buffer.alloc(0),
  qos: 1,
  retain: false,
  clientId: 'c',
})

/** Kept for a sleeper; on the disk when `saved` is. */
const prepared = (topic: string, saved: Promise<void> | null = null): Prepared =>
  ({ saved, topic }) as unknown as Prepared

const settled = () => new Promise<void>(resolve => setImmediate(resolve))

it('those of one commit leave in one write, in the order of arrival, whichever commit is done first', async () => {
  const { acknowledgements, log } = bench()
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  for (let id = 1; id <= 3; id++) acknowledgements.add(id, first.promise, null)
  for (let id = 4; id <= 5; id++) acknowledgements.add(id, second.promise, null)
  expect(acknowledgements.waiting).toBe(5)
  second.resolve()
  await settled()
  expect(log).toEqual([])
  first.resolve()
  await settled()
  expect(log).toEqual(['1 2 3 4 5'])
  expect(acknowledgements.waiting).toBe(0)
})

it('what is kept for somebody holds up its acknowledgement, and those behind it', async () => {
  const { acknowledgements, log } = bench()
  const accepted = Promise.resolve()
  const saved = Promise.withResolvers<void>()
  acknowledgements.add(1, accepted, null)
  acknowledgements.add(2, accepted, {
    publication: publication('kept'),
    prepared: prepared('kept', saved.promise),
  })
  acknowledgements.add(3, accepted, { publication: publication('heard'), prepared: null })
  await settled()
  expect(log).toEqual(['1'])
  saved.resolve()
  await settled()
  expect(log).toEqual(['1', '2 3', 'kept', 'heard'])
})

it('what was not stored is not acknowledged, nor is anything after it; what was kept of them is dropped', async () => {
  const { acknowledgements, log } = bench()
  const refused = Promise.withResolvers<void>()
  acknowledgements.add(1, Promise.resolve(), { publication: publication('a'), prepared: null })
  acknowledgements.add(2, refused.promise, { publication: publication('b'), prepared: prepared('b') })
  acknowledgements.add(3, Promise.resolve(), { publication: publication('c'), prepared: prepared('c') })
  await settled()
  refused.reject(new Error('the disk is full'))
  await settled()
  expect(log).toEqual(['1', 'a', '-b', '-c', 'failed'])
})

it('a client that is gone will send again: nothing is published', async () => {
  const { acknowledgements, log } = bench()
  const accepted = Promise.withResolvers<void>()
  acknowledgements.add(1, accepted.promise, { publication: publication('a'), prepared: prepared('a') })
  acknowledgements.close(false)
  accepted.resolve()
  await settled()
  expect(log).toEqual(['-a'])
})

it('a client that said goodbye will not: it is published when it is stored, and not acknowledged', async () => {
  const { acknowledgements, log } = bench()
  const accepted = Promise.withResolvers<void>()
  const refused = Promise.withResolvers<void>()
  acknowledgements.add(1, accepted.promise, { publication: publication('a'), prepared: prepared('a') })
  acknowledgements.add(2, refused.promise, { publication: publication('b'), prepared: prepared('b') })
  acknowledgements.close(true)
  accepted.resolve()
  await settled()
  expect(log).toEqual(['a'])
  refused.reject(new Error('the disk is full'))
  await settled()
  expect(log).toEqual(['a', '-b'])
})
