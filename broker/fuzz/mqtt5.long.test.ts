import { expect, it } from 'vitest'
import { fuzzMqtt5 } from './mqtt5.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const CONNECTIONS = Math.round(500_000 * SHARE)
const CONNECTIONS_PER_SEED = 25_000

it('half a million MQTT 5 clients that talk nonsense', { timeout: 3_600_000 }, async () => {
  let seed = Date.now() % 2 ** 31
  for (let left = CONNECTIONS; left > 0; left -= CONNECTIONS_PER_SEED) {
    const report = await fuzzMqtt5(Math.min(left, CONNECTIONS_PER_SEED), seed)
    const heapMib = Math.round(process.memoryUsage().heapUsed / 1024 ** 2)
    process.stderr.write(`mqtt5 fuzz, seed ${seed}: ${JSON.stringify({ ...report, heapMib })}\n`)
    expect(report.greeted).toBeGreaterThan(0)
    seed++
  }
})
