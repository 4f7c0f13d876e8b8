/** What Server-Sent Events and long poll have in common: the request is the subscription. */

import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { problem } from '../http/problem.ts'
import {
  type AccessOptions,
  addressOf,
  credentialsOf,
  mayComeFrom,
  type Principal,
  principalOf,
} from './access.ts'
import type { ClientFrame, SubscribeFrame, SubscribeMessagesFrame } from './protocol.ts'
import type { Relay } from './relay.ts'
import { checkClientFrame } from './schema.ts'

export type LiveContext = Context<{ Bindings: HttpBindings }>

/** The id that the frames of these transports bear. */
const ID = 1

export interface LiveRequest {
  /** Null: a hello is all that is wanted, to see whether this transport passes. */
  readonly subscribe: SubscribeFrame | SubscribeMessagesFrame | null
  readonly address: string
  readonly principal: Principal
}

/** Who asks, and for what; or the answer that refuses it. */
export async function readLiveRequest(
  c: LiveContext,
  relay: Relay,
  options: AccessOptions,
): Promise<LiveRequest | Response> {
  const { incoming } = c.env
  if (!mayComeFrom(incoming, options.allowOrigin)) {
    return problem(c, 403, 'forbidden', 'pages of this origin may not connect')
  }
  const principal = await principalOf(credentialsOf(incoming), options.authenticate)
  if (!principal) return problem(c, 401, 'not-authorised', 'log in, or send a token as Authorization: Bearer')
  const address = (options.addressOf ?? addressOf)(incoming)
  if (!relay.admits(address)) {
    relay.countRefused()
    c.header('Retry-After', '30')
    return problem(c, 503, 'full', 'too many connections; try again in 30 s')
  }
  if (c.req.query('stream') === 'none') return { subscribe: null, address, principal }
  const checked = checkClientFrame(subscribeOf(c))
  if (!checked.ok) return problem(c, 400, checked.error.code, checked.error.message)
  const { frame } = checked
  return { subscribe: frame.op === 'subscribe' ? frame : null, address, principal }
}

function subscribeOf(
  c: LiveContext,
): Partial<Record<keyof SubscribeFrame, unknown>> & Pick<ClientFrame, 'op'> {
  const maxHz = c.req.query('maxHz')
  return {
    op: 'subscribe',
    id: ID,
    stream: c.req.query('stream') || undefined,
    devices: listOf(c.req.queries('devices')),
    fields: listOf(c.req.queries('fields')),
    topics: listOf(c.req.queries('topics')),
    maxHz: maxHz ? Number(maxHz) : undefined,
    snapshot: c.req.query('snapshot') !== 'false',
    resume: c.req.header('Last-Event-ID') || c.req.query('cursor') || undefined,
  }
}

/** Several by commas, or by repeating the parameter. */
function listOf(values: readonly string[] | undefined): string[] | undefined {
  const list = values?.flatMap(value => value.split(',')).filter(value => value !== '')
  return list && list.length > 0 ? list : undefined
}
