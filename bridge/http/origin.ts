/**
 * Which requests may come from a browser. A page of a stranger could otherwise use an open bridge on loopback: by a
 * request across origins, or by a name of its own that it lets point to 127.0.0.1 (DNS rebinding).
 */

import type { MiddlewareHandler } from 'hono'
import { isLoopback } from '../config/config.ts'
import { problem } from './problem.ts'

export interface OriginPolicy {
  /** Whether this bridge goes by that name; `host` is the header. */
  readonly isOurs: (host: string | undefined) => boolean
  /** Whether a page from there may act here. */
  readonly allowOrigin: (origin: string, host: string | undefined) => boolean
}

export interface OriginOptions {
  /** What the bridge listens on: reachable from loopback alone, it has no other names but `names`. */
  readonly host: string
  readonly names: readonly string[]
  /** Pages of other places that may connect, such as `https://dash.example.org`. */
  readonly origins: readonly string[]
}

export function originPolicy({ host, names, origins }: OriginOptions): OriginPolicy {
  const known = new Set(names.map(name => name.toLowerCase()))
  const invited = new Set(origins)
  const isOurs = (header: string | undefined): boolean => {
    if (header === undefined || !isLoopback(host)) return true
    const name = nameOf(header)
    return isLoopback(name) || name.endsWith('.localhost') || known.has(name)
  }
  return {
    isOurs,
    allowOrigin: (origin, header) =>
      isOurs(header) && (invited.has(origin) || (URL.canParse(origin) && new URL(origin).host === header)),
  }
}

export function checkOrigin({ isOurs, allowOrigin }: OriginPolicy): MiddlewareHandler {
  return async (c, next) => {
    const { host, origin } = { host: c.req.header('host'), origin: c.req.header('origin') }
    if (!isOurs(host)) {
      return problem(
        c,
        421,
        'unknown-host',
        `this bridge does not go by ${host}; http.hosts names those it has`,
      )
    }
    const isReading = c.req.method === 'GET' || c.req.method === 'HEAD'
    if (!isReading && origin !== undefined && !allowOrigin(origin, host)) {
      return problem(c, 403, 'foreign-origin', `a page from ${origin} may not act here`)
    }
    await next()
  }
}

/** Without the port, and IPv6 without brackets. */
function nameOf(header: string): string {
  const name = header.startsWith('[') ? header.slice(1, header.indexOf(']')) : header.replace(/:\d+$/, '')
  return name.toLowerCase()
}
