import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { z } from 'zod'
import { ANYONE } from '../live/access.ts'
import type { SendCommand } from '../live/relay.ts'
import { problem } from './problem.ts'

const MAX_BODY_BYTES = 256 * 1024

const bodySchema = z.strictObject({
  topic: z.string().optional(),
  payload: z.unknown(),
  qos: z.literal([0, 1]).default(1),
  /** Repeating a command under its id is safe. */
  id: z.string().min(1).max(128).optional(),
})

const NOT_FOUND = new Set(['unknown-device'])

/** `POST /devices/:id/commands {topic?, payload, qos?, id?}` -> `{id, result}`; the live op's twin. */
export function commandRoutes(sendCommand: SendCommand): Hono {
  const routes = new Hono()
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: c => problem(c, 413, 'body-too-large', `the body may have ${MAX_BODY_BYTES} bytes`),
  })
  routes.post('/devices/:id/commands', limit, async c => {
    const body = bodySchema.safeParse(await c.req.json().catch(() => null))
    if (!body.success)
      return problem(c, 400, 'bad-body', 'send {"payload": ..., "topic"?: "...", "qos"?: 0 or 1} as JSON')
    const { payload, topic, qos, id = randomUUID() } = body.data
    const outcome = await sendCommand({
      id,
      device: c.req.param('id'),
      topic,
      payload,
      qos,
      principal: ANYONE,
    })
    if (!outcome.ok) return problem(c, NOT_FOUND.has(outcome.code) ? 404 : 400, outcome.code, outcome.message)
    return c.json({ id, result: outcome.result }, outcome.result === 'timeout' ? 504 : 200)
  })
  return routes
}
