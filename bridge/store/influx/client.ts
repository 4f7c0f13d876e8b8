/** Where InfluxDB is and who we are, and the `influx` package set up so that it neither retries nor guesses. */

import { InfluxDB } from 'influx'

/** Plain data: it crosses into the writer's thread. */
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

/** The package takes a server out of use after a failure, and says `No host available` then. Not this one. */
const NO_BACKOFF = { getDelay: () => 0, next: () => NO_BACKOFF, reset: () => NO_BACKOFF }

/** Without a user name the package sends `root` and `root`, in place of a token; with null it sends nothing. */
const NOBODY = null as unknown as string

export function influxClient(
  { url, database, bucket, username, password, token }: InfluxServer,
  timeoutMs: number,
  headers: Record<string, string>,
): InfluxDB {
  const { protocol, hostname, port, pathname } = new URL(url)
  const isSecure = protocol === 'https:'
  const isByPassword = username !== undefined && token === undefined
  return new InfluxDB({
    database: bucket ?? database,
    username: isByPassword ? username : NOBODY,
    password: password ?? '',
    pool: { maxRetries: 0, requestTimeout: timeoutMs, backoff: NO_BACKOFF },
    hosts: [
      {
        protocol: isSecure ? 'https' : 'http',
        host: hostname,
        port: Number(port) || (isSecure ? 443 : 80),
        path: pathname.replace(/\/$/, ''),
        // The package passes the brackets of an IPv6 address to the resolver.
        options: { headers, hostname: hostname.replace(/^\[|\]$/g, '') },
      },
    ],
  })
}
