/**
 * The same bytes to this broker and to Mosquitto: who closes, who answers. Where Mosquitto closes and we do not, one of
 * us is wrong; the other way round we may be stricter on purpose.
 */

import { connect, PINGREQ } from '../conformance/packets.ts'
import { Wire } from '../conformance/wire.ts'
import type { TestBroker } from '../fixture.ts'
import type { Mosquitto } from '../mosquitto.ts'
import { Chance } from './chance.ts'
import { connectOf, packetOf } from './grammar.ts'
import { mutate, withRightLength } from './mutate.ts'

/** `alive`: it answers a PINGREQ. `waiting`: it waits for the rest of a packet. */
export type Outcome = 'alive' | 'closed' | 'waiting'

export interface Difference {
  readonly bytes: string
  readonly ours: Outcome
  readonly theirs: Outcome
}

export interface DifferentialReport {
  readonly cases: number
  readonly same: number
  readonly stricter: number
  /** They close, and we do not. */
  readonly laxer: readonly Difference[]
}

/** In which a broker on loopback answers, or waits for more. */
const PATIENCE_MS = 500
const LONG_PATIENCE_MS = 5000
const CONCURRENCY = 16

export async function compare(
  broker: TestBroker,
  mosquitto: Mosquitto,
  cases: number,
  seed: number,
): Promise<DifferentialReport> {
  const suspects: Buffer[] = []
  let same = 0
  let stricter = 0
  let next = 0
  const worker = async () => {
    for (let n = next++; n < cases; n = next++) {
      const bytes = caseOf(new Chance(seed + n))
      const [ours, theirs] = await Promise.all([
        outcomeOf(broker.port, bytes),
        outcomeOf(mosquitto.port, bytes),
      ])
      if (ours === theirs || (ours !== 'closed' && theirs !== 'closed')) same++
      else if (ours === 'closed') stricter++
      else suspects.push(bytes)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  // Again, alone and with patience: clients of one id close each other, and a busy machine looks like one that waits.
  const laxer: Difference[] = []
  for (const bytes of suspects) {
    const ours = await outcomeOf(broker.port, bytes, LONG_PATIENCE_MS)
    const theirs = await outcomeOf(mosquitto.port, bytes, LONG_PATIENCE_MS)
    if (ours === 'closed' || theirs !== 'closed') same++
    else laxer.push({ bytes: bytes.toString('hex'), ours, theirs })
  }
  return { cases, same, stricter, laxer }
}

/** To Mosquitto every topic that begins so is reserved, to us `$SYS` and what is below it. */
export function isToReserved(hex: string): boolean {
  return hex.includes(Buffer.from('$SYS').toString('hex'))
}

/** A CONNECT that is spoiled, or one that is right and something spoiled after it. */
function caseOf(chance: Chance): Buffer {
  const pool = [connectOf(chance, 4), packetOf(chance, 4)]
  const spoiled = (bytes: Buffer) => {
    const mutated = mutate(chance, bytes, pool)
    return chance.is(0.7) ? withRightLength(mutated) : mutated
  }
  if (chance.is(0.5)) return spoiled(connectOf(chance, 4))
  return Buffer.concat([
    connect({ clientId: `differential-${chance.below(1e9)}` }),
    spoiled(packetOf(chance, 4)),
  ])
}

async function outcomeOf(port: number, bytes: Buffer, patienceMs = PATIENCE_MS): Promise<Outcome> {
  const wire = await Wire.open(port)
  let late: NodeJS.Timeout | null = null
  try {
    wire.send(bytes, PINGREQ)
    return await Promise.race([
      // Twice: an answer may leave before the reason to close has been looked at.
      wire
        .find('pingresp')
        .then(() => wire.ping())
        .then(
          () => 'alive' as const,
          () => 'closed' as const,
        ),
      new Promise<Outcome>(resolve => {
        late = setTimeout(resolve, patienceMs, 'waiting')
      }),
    ])
  } finally {
    if (late !== null) clearTimeout(late)
    await wire.drop()
  }
}
