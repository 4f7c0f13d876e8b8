/** What a request may carry. */

import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { problem } from './problem.ts'

/**
 * Whatever changes something comes as JSON: a form of another page can send anything else without being asked first,
 * with the cookies of whoever looks at it. Also without a body.
 */
export const jsonOnly: MiddlewareHandler = async (c, next) => {
  const type = c.req.header('content-type') ?? ''
  const isReading = ['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)
  if (!isReading && !/^application\/json\s*(;|$)/i.test(type)) {
    return problem(c, 415, 'json-only', 'send it as content-type: application/json')
  }
  await next()
}

/** Counts bytes as they come, whatever the request says of its length. */
export function limitBody(maxBytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: maxBytes,
    onError: c => {
      // The rest of it is not read.
      c.header('connection', 'close')
      return problem(c, 413, 'body-too-large', `the body may have ${maxBytes} bytes`)
    },
  })
}
