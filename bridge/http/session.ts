/** Logging in by name and password, for people: the page holds a cookie that no script can read. */

import { type Context, Hono } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { type Identities, SESSION_COOKIE } from '../identity/identities.ts'
import { type AccessOptions, credentialsOf, type Principal } from '../live/access.ts'
import type { Gated } from './access.ts'
import { limitBody } from './body.ts'
import { problem } from './problem.ts'

export type SessionSource = Pick<Identities, 'login' | 'logout' | 'principalOf' | 'needsCredentials'>

export interface SessionRoutesOptions {
  readonly identities: SessionSource
  readonly addressOf: NonNullable<AccessOptions['addressOf']>
}

export interface SessionView {
  /** Whether anything is to be had without credentials. */
  readonly needsLogin: boolean
  /** Null: nobody that is known. */
  readonly principal: Principal | null
}

const MAX_BODY_BYTES = 8 * 1024

const bodySchema = z.strictObject({
  name: z.string().min(1).max(256),
  password: z.string().min(1).max(1024),
})

/**
 * `POST /login {name, password}`, `POST /logout`, `GET /session`; each answers with who it is now.
 *
 * Whoever logs out is out: the session has ended and the browser has no cookie any more, whatever the disk says. 202, with
 * `kept: false`, when that did not take it yet: until it does, which is tried again, a restart would bring the session
 * back to whoever has a copy of the cookie. Asking once more with that copy tells whether it is kept by now.
 */
export function sessionRoutes({ identities, addressOf }: SessionRoutesOptions): Hono<Gated> {
  const routes = new Hono<Gated>()

  routes.post('/login', limitBody(MAX_BODY_BYTES), async c => {
    const body = bodySchema.safeParse(await c.req.json().catch(() => null))
    if (!body.success) return problem(c, 400, 'bad-body', 'send {"name": "...", "password": "..."} as JSON')
    const outcome = await identities.login({ ...body.data, address: addressOf(c.env.incoming) })
    if (!outcome.ok) return refused(c, outcome.reason, outcome.retryAfterS)
    const { session, principal } = outcome
    setCookie(c, SESSION_COOKIE, session, {
      ...attributes(c),
      ...(principal.expiresAtMs !== undefined && { expires: new Date(principal.expiresAtMs) }),
    })
    return c.json(viewOf(principal))
  })

  routes.post('/logout', async c => {
    const isKept = await identities.logout(credentialsOf(c.env.incoming)).then(
      () => true,
      () => false,
    )
    deleteCookie(c, SESSION_COOKIE, attributes(c))
    const view = viewOf(identities.principalOf({}))
    return isKept ? c.json(view) : c.json({ ...view, kept: false }, 202)
  })

  routes.get('/session', c => {
    c.header('cache-control', 'no-store')
    return c.json(viewOf(identities.principalOf(credentialsOf(c.env.incoming))))
  })
  return routes

  function viewOf(principal: Principal | null): SessionView {
    return { needsLogin: identities.needsCredentials.http, principal }
  }
}

function refused(c: Context, reason: 'wrong' | 'too-many', retryAfterS: number): Response {
  if (reason === 'wrong') return problem(c, 401, 'wrong-credentials', 'the name or the password is wrong')
  c.header('retry-after', String(retryAfterS))
  return problem(c, 429, 'too-many-attempts', `too many attempts; try again in ${retryAfterS} s`)
}

/** Where a proxy ends TLS it says so; whoever claims it falsely keeps their own cookie from themselves. */
function attributes(c: Context<Gated>) {
  const isSecure = 'encrypted' in c.env.incoming.socket || c.req.header('x-forwarded-proto') === 'https'
  return { httpOnly: true, sameSite: 'Strict', path: '/', secure: isSecure } as const
}
