/** For the tests: what must hold for a point that a strict stranger reads from our line. */

import { LineParser } from './line-protocol.ts'
import { FORGED_AT_US, type Forged } from './line-protocol-forger.ts'

const parser = new LineParser()

/** Throws an Error that says what differs: expectations of a test runner cost too much a million times. */
export function expectUnforged({ reading, accepted, point }: Forged): void {
  const tags = Object.entries({ ...accepted.tags, device: reading.device })
  demand(point.measurement === reading.measurement, 'the measurement')
  demand(point.tags.size === tags.length, 'as many tags')
  for (const [name, value] of tags) demand(point.tags.get(name) === value, `tag ${name}`)
  demand(point.fields.size === accepted.fields.length, 'as many fields')
  for (const { name, value } of accepted.fields) demand(point.fields.get(name) === value, `field ${name}`)
  demand(point.timeNs === BigInt(accepted.timeUs) * 1000n, 'the time')
  demand(accepted.timeUs >= FORGED_AT_US, 'the time of arrival')
  // The embedded store reads it by our own parser.
  let read = 0
  const parsed = parser.parse(Buffer.from(accepted.line), ({ tags, field }, value, timeUs) => {
    demand(tags.device === reading.device && timeUs === accepted.timeUs, 'the device for our parser')
    demand(point.fields.get(field) === value, `field ${field} for our parser`)
    read++
  })
  demand(parsed.ok && read === point.fields.size, 'as many fields for our parser')
}

function demand(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`differs: ${what}`)
}
