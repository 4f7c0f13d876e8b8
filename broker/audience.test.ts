import { Aedes } from 'aedes'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Audience } from './audience.ts'

let aedes: Aedes
let looked: string[]
beforeEach(async () => {
  aedes = await Aedes.createBroker()
  looked = []
  const { mq } = aedes as unknown as { mq: { _matcher: { match(topic: string): unknown[] } } }
  const match = mq._matcher.match.bind(mq._matcher)
  // If Aedes' bus takes another shape, this is where it shows.
  mq._matcher.match = topic => {
    looked.push(topic)
    return match(topic)
  }
})
afterEach(() => new Promise<void>(resolve => aedes.close(resolve)))

const listener = (_packet: unknown, done: () => void) => done()

it('a topic is looked up once, until listeners come or go', async () => {
  const audience = new Audience(aedes, { version: () => 0, hears: () => false })
  for (let i = 0; i < 3; i++) expect(audience.hears('a/1')).toBe(false)
  expect(looked).toEqual(['a/1'])
  await new Promise<void>(resolve => aedes.subscribe('a/+', listener, resolve))
  for (let i = 0; i < 3; i++) expect(audience.hears('a/1')).toBe(true)
  expect(audience.hears('b/1')).toBe(false)
  await new Promise<void>(resolve => aedes.unsubscribe('a/+', listener, resolve))
  expect(audience.hears('a/1')).toBe(false)
  expect(looked).toEqual(['a/1', 'a/1', 'b/1', 'a/1'])
})

it('listeners elsewhere count as well', () => {
  let version = 0
  const heard = new Set<string>()
  const audience = new Audience(aedes, { version: () => version, hears: topic => heard.has(topic) })
  expect(audience.hears('a')).toBe(false)
  heard.add('a')
  version++
  expect(audience.hears('a')).toBe(true)
  expect(audience.hears('b')).toBe(false)
  heard.clear()
  version++
  expect(audience.hears('a')).toBe(false)
})

it('remembers no more than it has room for', () => {
  const audience = new Audience(aedes, { version: () => 0, hears: () => false })
  for (let i = 0; i < 50_000; i++) expect(audience.hears(`a/${i}`)).toBe(false)
  expect(looked).toHaveLength(50_000)
})
