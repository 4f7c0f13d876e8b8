import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** An error answer by RFC 9457. `code` is stable: programs match it, people read `detail`. */
export function problem(c: Context, status: ContentfulStatusCode, code: string, detail: string): Response {
  return c.json({ type: 'about:blank', title: code, status, code, detail }, status, {
    'content-type': 'application/problem+json',
  })
}
