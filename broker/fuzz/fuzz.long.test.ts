/**
 * `npm run test:long`: packets and sessions as in the default set, many more, from other seeds. The figures are for
 * docs/security.md. RELIABILITY_SHARE=0.1 runs a tenth of everything, RELIABILITY_REPORT names a
 * file for the figures; FUZZ_SEED chooses another beginning.
 */

import { appendFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { startBroker } from '../fixture.ts'
import { startMosquitto } from '../mosquitto.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { compare, isToReserved } from './differential.ts'
import { fuzzPackets } from './packets.ts'
import { fuzzSessions } from './sessions.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const ROUND_PACKETS = 250_000
const ROUND_SESSIONS = 10_000
const rounds = (count: number, round: number) => Math.max(1, Math.round((count * SHARE) / round))

const report: string[] = []
afterAll(() => {
  const text = `## fuzzing the broker, share ${SHARE}, seeds from ${SEED}\n\n${report.map(line => `- ${line}`).join('\n')}\n\n`
  console.info(text)
  if (process.env.RELIABILITY_REPORT) appendFileSync(process.env.RELIABILITY_REPORT, text)
})

it('5,000,000 spoiled packets', () => {
  const startMs = performance.now()
  const total = { mutations: 0, packets: 0, passed: 0 }
  for (let round = 0; round < rounds(5_000_000, ROUND_PACKETS); round++) {
    const { mutations, packets, passed } = fuzzPackets(ROUND_PACKETS, SEED + round)
    total.mutations += mutations
    total.packets += packets
    total.passed += passed
  }
  report.push(`packets: ${JSON.stringify(total)}, ${perSecond(total.mutations, startMs)} mutations/s`)
  expect(total.passed).toBeGreaterThan(0)
})

it('500,000 spoiled sessions, with memory that does not grow', async () => {
  const startMs = performance.now()
  const total = {
    sessions: 0,
    packets: 0,
    greeted: 0,
    accepted: 0,
    controlled: 0,
    slowestControlMs: 0,
    slowestEndMs: 0,
  }
  const heapsMb: number[] = []
  for (let round = 0; round < rounds(500_000, ROUND_SESSIONS); round++) {
    const one = await fuzzSessions({ sessions: ROUND_SESSIONS, seed: SEED + round * ROUND_SESSIONS })
    for (const key of ['sessions', 'packets', 'greeted', 'accepted', 'controlled'] as const)
      total[key] += one[key]
    for (const key of ['slowestControlMs', 'slowestEndMs'] as const)
      total[key] = Math.max(total[key], Math.round(one[key]))
    heapsMb.push(one.heapMb)
  }
  report.push(
    `sessions: ${JSON.stringify(total)}, ${perSecond(total.sessions, startMs)} sessions/s, heap ${heapsMb[0]} to ${heapsMb.at(-1)} MB`,
  )
  // The first rounds warm up.
  expect(heapsMb.at(-1)! - heapsMb[Math.min(2, heapsMb.length - 1)]!).toBeLessThan(20)
})

it('20,000 spoiled connections, side by side with Mosquitto', async () => {
  const directory = newDirectory()
  const broker = await startBroker({ directory: directory.path, mqtt5: null })
  const mosquitto = await startMosquitto()
  const { laxer, ...counts } = await compare(broker, mosquitto, Math.max(500, 20_000 * SHARE), SEED)
  await mosquitto.stop()
  await broker.close()
  directory.remove()
  report.push(`beside Mosquitto: ${JSON.stringify(counts)}`)
  expect(laxer.filter(({ bytes }) => !isToReserved(bytes))).toEqual([])
})

function perSecond(count: number, startMs: number): number {
  return Math.round(count / ((performance.now() - startMs) / 1000))
}
