import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Deed } from '../live/access.ts'

/** An error answer by RFC 9457. `code` is stable: programs match it and metrics count it, people read `detail`. */
export function problem(c: Context, status: ContentfulStatusCode, code: string, detail: string): Response {
  c.set('problem', code)
  return c.json({ type: 'about:blank', title: code, status, code, detail }, status, {
    'content-type': 'application/problem+json',
  })
}

/** RFC 9110 wants to hear how to do better; this scheme makes no browser ask on its own. */
export function notAuthorised(c: Context): Response {
  c.header('www-authenticate', 'Bearer realm="trestle"')
  return problem(c, 401, 'not-authorised', 'log in, or send a token as Authorization: Bearer')
}

const ABLE: Readonly<Record<Deed, string>> = {
  watch: 'a viewer',
  act: 'an operator',
  administer: 'an admin',
}

export function forbidden(c: Context, deed: Deed): Response {
  return problem(c, 403, 'forbidden', `this needs ${ABLE[deed]}`)
}
