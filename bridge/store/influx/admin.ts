/** What is asked of InfluxDB seldom: through the `influx` package, which quotes and reads answers. */

import { type InfluxServer, influxClient } from './client.ts'

const TIMEOUT_MS = 10_000

/** Rejects with the server's words. Repeating it changes nothing. */
export async function createDatabase(server: InfluxServer): Promise<void> {
  await influxClient(server, TIMEOUT_MS, {}).createDatabase(server.database)
}
