/** What is asked of InfluxDB seldom: through the `influx` package, which quotes and reads answers. */

import { InfluxDB } from 'influx'

/** Where it is and who we are. Plain data: it crosses into the writer's thread. */
export interface InfluxServer {
  /** Without a trailing slash; may carry a path. */
  readonly url: string
  readonly database: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  readonly org?: string | undefined
  readonly bucket?: string | undefined
}

/** Rejects with the server's words. Repeating it changes nothing. */
export async function createDatabase(server: InfluxServer): Promise<void> {
  await client(server).createDatabase(server.database)
}

function client({ url, username, password }: InfluxServer): InfluxDB {
  const { protocol, hostname, port, pathname } = new URL(url)
  return new InfluxDB({
    hosts: [
      {
        protocol: protocol === 'https:' ? 'https' : 'http',
        host: hostname,
        port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
        path: pathname === '/' ? '' : pathname,
      },
    ],
    ...(username === undefined ? {} : { username, password: password ?? '' }),
  })
}
