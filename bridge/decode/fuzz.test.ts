import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDecoder } from './decoder.ts'
import { expectSound, FUZZ_NOW_US, fuzz } from './fuzz.ts'

it('spoiled messages never throw, and never give a value that cannot be stored', async () => {
  const { readings, slowestMs } = await fuzz(40_000, 20_260_310)
  expect(readings).toBeGreaterThan(10_000)
  // A busy machine pauses for longer than any message takes.
  expect(slowestMs).toBeLessThan(1_000)
})

it('any bytes on any topic give an answer', () => {
  const decoder = createDecoder()
  const topic = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(topic, payload, (topic, payload) => {
      expectSound(decoder.decode({ topic, payload, retain: false }, FUZZ_NOW_US), FUZZ_NOW_US)
    }),
    { numRuns: 3_000 },
  )
})

/** Two megabytes each, made to be dear for whoever backtracks, recurses or concatenates. */
const HOSTILE: readonly (readonly [name: string, payload: string])[] = [
  ['digits', '1'.repeat(2e6)],
  ['blanks', `${' '.repeat(2e6)}x`],
  ['brackets', '['.repeat(2e6)],
  ['objects', '{"a":'.repeat(4e5)],
  ['escapes', `{"a":"${'\\\\'.repeat(1e6)}`],
  ['commas', `[${','.repeat(2e6)}`],
  ['colons and blanks', `{"a":${' :'.repeat(1e6)}`],
  ['many keys', `{${Array.from({ length: 150_000 }, (_, i) => `"k${i}":${i}`).join()}}`],
  ['many documents', '{"a":1}\n'.repeat(2.5e5)],
  ['many lines', 'm,t=a f=1\n'.repeat(2e5)],
  ['equals', 'a='.repeat(1e6)],
  ['one long line', `m ${'f=1,'.repeat(5e5)}f=1`],
  ['NaN', `[${'NaN,'.repeat(5e5)}NaN]`],
  ['a list of objects', `[${'{"id":1,"a":2},'.repeat(1.2e5)}{}]`],
  ['SenML', `[${'{"n":"a","v":1},'.repeat(1.2e5)}{"n":"b","v":1}]`],
  ['long integers', `[${'12345678901234567890,'.repeat(9e4)}1]`],
]

it.each(HOSTILE)('a hostile payload costs no more than its size: %s', (_, text) => {
  const decoder = createDecoder()
  const payload = Buffer.from(text)
  const start = performance.now()
  expectSound(decoder.decode({ topic: 'lab/n1/state', payload, retain: false }, FUZZ_NOW_US), FUZZ_NOW_US)
  expect(performance.now() - start).toBeLessThan(3_000)
})
