/** What is asked of InfluxDB seldom: through the `influx` package, which quotes and reads answers. */

import { type InfluxServer, influxClient } from './client.ts'

const TIMEOUT_MS = 10_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Rejects with the server's words. Repeating it changes nothing. */
export async function createDatabase(server: InfluxServer): Promise<void> {
  await influxClient(server, TIMEOUT_MS, {}).createDatabase(server.database)
}

export interface Retention {
  readonly name: string
  /** 0: for ever. */
  readonly durationMs: number
}

/** The default policy of the database, which is what is written to and read from. Rejects with the server's words. */
export async function retentionOf(server: InfluxServer): Promise<Retention> {
  const policies = await influxClient(server, TIMEOUT_MS, {}).showRetentionPolicies(server.database)
  const policy = policies.find(policy => policy.default)
  if (policy === undefined) throw new Error(`database ${server.database} has no default retention policy`)
  return { name: policy.name, durationMs: parseDurationMs(policy.duration) }
}

/** Whole seconds, 0 for ever. What is older is dropped within half an hour. Rejects with the server's words. */
export async function setRetention(server: InfluxServer, name: string, durationMs: number): Promise<void> {
  await influxClient(server, TIMEOUT_MS, {}).alterRetentionPolicy(name, {
    database: server.database,
    // The package knows no shard duration, which must not be longer than the policy's.
    duration: `${Math.round(durationMs / 1000)}s shard duration ${shardHours(durationMs)}h`,
    replication: 1,
    isDefault: true,
  })
}

/** As InfluxDB chooses for a new policy. */
function shardHours(durationMs: number): number {
  if (durationMs === 0 || durationMs > 180 * DAY_MS) return 168
  return durationMs < 2 * DAY_MS ? 1 : 24
}

/** Go writes `168h0m0s`, and `0s`. */
function parseDurationMs(text: string): number {
  const [, hours = 0, minutes = 0, seconds = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? []
  return Number(hours) * HOUR_MS + Number(minutes) * 60_000 + Number(seconds) * 1000
}
