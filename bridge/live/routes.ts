/** The live protocol over plain HTTP: Server-Sent Events, long poll, and its schema. */

import { Hono } from 'hono'
import type { Gated } from '../http/access.ts'
import { problem } from '../http/problem.ts'
import type { AccessOptions } from './access.ts'
import { serveEvents } from './events.ts'
import { servePoll } from './poll.ts'
import type { Relay } from './relay.ts'
import { liveSchema } from './schema.ts'

/** Needs the Node server's `incoming` and `outgoing`; close the relay to end what is open. */
export function liveRoutes(relay: Relay, options: AccessOptions = {}): Hono<Gated> {
  return new Hono<Gated>()
    .get('/live', c => {
      c.header('Upgrade', 'websocket')
      return problem(c, 426, 'upgrade-required', 'this is a WebSocket; see /live/events and /live/poll')
    })
    .get('/live/events', c => serveEvents(c, relay, options))
    .get('/live/poll', c => servePoll(c, relay, options))
    .get('/live/schema.json', c => c.json(liveSchema()))
}
