import { Hono } from 'hono'
import type { Gated } from './access.ts'
import { limitBody } from './body.ts'
import { problem } from './problem.ts'

const MAX_BODY_BYTES = 1024

export interface SpoolSource {
  /** Delivers again what arrived since, as far as it is kept; resolves with the messages that wait again. */
  feedAgain(sinceMs: number): Promise<number>
}

/** `POST /spool/replay {since}`, RFC 3339 or ms -> `{messages}`: for a store that was restored from a backup. */
export function spoolRoutes(spool: SpoolSource): Hono<Gated> {
  const routes = new Hono<Gated>()
  routes.post('/spool/replay', limitBody(MAX_BODY_BYTES), async c => {
    const body: unknown = await c.req.json().catch(() => null)
    const since = typeof body === 'object' && body !== null && 'since' in body ? body.since : null
    const sinceMs = typeof since === 'number' ? since : Date.parse(String(since))
    if (!Number.isFinite(sinceMs))
      return problem(c, 400, 'bad-since', 'since must be a time, RFC 3339 or milliseconds')
    return c.json({ messages: await spool.feedAgain(sinceMs) })
  })
  return routes
}
