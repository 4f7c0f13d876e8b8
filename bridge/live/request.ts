/** What Server-Sent Events and long poll have in common: the request is the subscription. */

import type { Context } from 'hono'
import type { Gated } from '../http/access.ts'
import { forbidden, notAuthorised, problem } from '../http/problem.ts'
import {
  type AccessOptions,
  addressOf,
  credentialsOf,
  may,
  mayComeFrom,
  type Principal,
  principalOf,
} from './access.ts'
import type { ClientFrame, SubscribeFrame, SubscribeMessagesFrame } from './protocol.ts'
import type { Relay } from './relay.ts'
import { checkClientFrame } from './schema.ts'

export type LiveContext = Context<Gated>

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
    relay.countRefused('origin')
    return problem(c, 403, 'foreign-origin', 'pages of this origin may not connect')
  }
  const principal = await principalOf(credentialsOf(incoming), options.authenticate)
  if (!principal) {
    relay.countRefused('credentials')
    return notAuthorised(c)
  }
  if (!may(principal, 'watch')) return forbidden(c, 'watch')
  const address = (options.addressOf ?? addressOf)(incoming)
  const refusal = relay.refusalOf(address, principal)
  if (refusal !== null) {
    relay.countRefused(refusal)
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
