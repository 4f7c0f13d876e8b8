/** Who asks over HTTP, and whether they may: one gate before every route. */

import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import {
  type Authenticate,
  credentialsOf,
  type Deed,
  may,
  type Principal,
  principalOf,
} from '../live/access.ts'
import { forbidden, notAuthorised } from './problem.ts'

/** What routes behind the gate find in their context. */
export interface Gated {
  readonly Bindings: HttpBindings
  readonly Variables: { readonly principal: Principal; readonly problem?: string }
}

const ACTS = [/^\/api\/devices\/[^/]+\/commands$/, /^\/api\/(quarantine|spool)\/replay$/]
/** Asked by POST for the size of what is asked. */
const QUESTIONS = new Set(['/api/explain'])
const OPEN = new Set(['/api/login', '/api/logout', '/api/session'])

/**
 * What a request does; null: it is open to everybody, or, as `/live`, looks for itself. What changes something and is
 * not known here needs an admin, so that a route that forgets to say is closed.
 */
function deedOf(method: string, path: string): Deed | null {
  if (path !== '/metrics' && path !== '/api' && !path.startsWith('/api/')) return null
  if (OPEN.has(path)) return null
  if (method === 'GET' || method === 'HEAD' || QUESTIONS.has(path)) return 'watch'
  return ACTS.some(act => act.test(path)) ? 'act' : 'administer'
}

/** Of a request that need not have passed the gate. */
export function principalOfRequest(c: Context<Gated>, authenticate: Authenticate): Promise<Principal | null> {
  return principalOf(credentialsOf(c.env.incoming), authenticate)
}

/** The path is the one that the routes are found by, decoded alike. */
export function checkAccess(authenticate: Authenticate): MiddlewareHandler<Gated> {
  return async (c, next) => {
    const deed = deedOf(c.req.method, c.req.path)
    if (deed === null) return next()
    const principal = await principalOfRequest(c, authenticate)
    if (principal === null) return notAuthorised(c)
    if (!may(principal, deed)) return forbidden(c, deed)
    c.set('principal', principal)
    // What one person was shown is not kept for the next at the same browser.
    c.header('cache-control', 'no-store')
    await next()
  }
}
