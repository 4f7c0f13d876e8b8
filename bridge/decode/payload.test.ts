import { expect, it } from 'vitest'
import { heapMb } from '../../broker/fuzz/heap.ts'
import { NO_NUMBER } from './key-rows.ts'
import { Payload, type Usual } from './payload.ts'

const usual = (): Usual => ({ rowNumber: NO_NUMBER })
const numbersOf = (text: string, topic: Usual) =>
  new Payload(Buffer.from(text), topic).plainNumbers()?.numbers
const learn = (text: string, topic: Usual) => new Payload(Buffer.from(text), topic).json()
/** 32 keys of 128 characters that nobody had before. */
const strange = (n: number) =>
  JSON.stringify(
    Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${n}-${i}-`.padEnd(128, 'x'), n])),
  )

it('an object of numbers is read from its bytes from the second on, also after the keys were forgotten', () => {
  const topic = usual()
  expect(numbersOf('{"temperature":21.5}', topic)).toBeUndefined()
  expect(learn('{"temperature":21.5}', topic)).toEqual({ temperature: 21.5 })
  expect(numbersOf('{"temperature":22}', topic)).toEqual([22])
  for (let n = 0; n < 400; n++) learn(strange(n), usual())
  expect(numbersOf('{"temperature":22}', topic)).toBeUndefined()
  expect(learn('{"temperature":23}', topic)).toEqual({ temperature: 23 })
  expect(numbersOf('{"temperature":24}', topic)).toEqual([24])
})

it('what a topic remembers of its last message is a number: random keys cost the same for any count of topics', () => {
  const topics: Usual[] = []
  const hear = (count: number) => {
    for (const end = topics.length + count; topics.length < end; ) {
      const topic = usual()
      topics.push(topic)
      learn(strange(1000 + topics.length), topic)
      learn(strange(1000 + topics.length), topic)
    }
    return heapMb()
  }
  // Past all that is kept of keys.
  const beforeMb = hear(1500)
  // Held by their topics, these rows alone were 30 MB.
  expect(hear(3000) - beforeMb).toBeLessThan(12)
  expect(topics).toHaveLength(4500)
})
