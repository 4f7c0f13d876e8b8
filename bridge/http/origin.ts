/**
 * Which requests may come from a browser. A page of a stranger could otherwise use an open bridge on loopback, or the
 * cookies of whoever looks at it: by a request across origins, or by a name of its own that it lets point to 127.0.0.1
 * (DNS rebinding).
 */

import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { isLocalHost } from '../config/config.ts'
import { problem } from './problem.ts'

export interface OriginPolicy {
  /** Whether this bridge goes by that name; `host` is the header. */
  readonly isOurs: (host: string | undefined) => boolean
  /** Whether a page from there may act here. */
  readonly allowOrigin: (origin: string, host: string | undefined) => boolean
  /** Whether it was named as one that may, by `http.origins`. */
  readonly isInvited: (origin: string) => boolean
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
    if (header === undefined || !isLocalHost(host)) return true
    const name = nameOf(header)
    return isLocalHost(name) || name.endsWith('.localhost') || known.has(name)
  }
  return {
    isOurs,
    isInvited: origin => invited.has(origin),
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
    if (origin === undefined ? comesFromElsewhere(c) : !allowOrigin(origin, host)) {
      return problem(c, 403, 'foreign-origin', `a page from ${origin ?? 'elsewhere'} may not act here`)
    }
    await next()
  }
}

/**
 * Pages that were named may read the answers too, with a token of their own: cookies are for our own pages, and there
 * is no word of this to anybody else.
 */
export function answerInvited({ isInvited }: OriginPolicy): MiddlewareHandler {
  const answer = cors({
    origin: origin => origin,
    allowMethods: ['GET', 'POST', 'DELETE'],
    allowHeaders: ['authorization', 'content-type', 'last-event-id'],
    maxAge: 600,
  })
  return (c, next) => (isInvited(c.req.header('origin') ?? '') ? answer(c, next) : next())
}

/**
 * By what browsers say of a request without an origin [W3C Fetch Metadata]. A link to us may be followed; nothing else
 * of another page's doing is looked at, an image of `/api/history` neither.
 */
function comesFromElsewhere(c: Context): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site === undefined || site === 'same-origin' || site === 'none') return false
  return !(c.req.method === 'GET' && c.req.header('sec-fetch-mode') === 'navigate')
}

/** Without the port, and IPv6 without brackets. */
function nameOf(header: string): string {
  const name = header.startsWith('[') ? header.slice(1, header.indexOf(']')) : header.replace(/:\d+$/, '')
  return name.toLowerCase()
}
