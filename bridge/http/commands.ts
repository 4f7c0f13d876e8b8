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
  /** Whether to wait for what the device says to it. */
  answer: z.boolean().default(true),
  /** Repeating a command under its id is safe. */
  id: z.string().min(1).max(128).optional(),
})

const STATUS: Readonly<Record<string, 400 | 404 | 429>> = { 'unknown-device': 404, 'too-many-commands': 429 }

/** `POST /devices/:id/commands {topic?, payload, qos?, answer?, id?}` -> `{id, result, answer?}`; the live op's twin. */
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
    const { id = randomUUID(), ...wishes } = body.data
    const outcome = await sendCommand({
      // The ids of live connections are others.
      id: `http:${id}`,
      device: c.req.param('id'),
      ...wishes,
      principal: ANYONE,
    })
    if (!outcome.ok) return problem(c, STATUS[outcome.code] ?? 400, outcome.code, outcome.message)
    const { result, answer } = outcome
    return c.json({ id, result, ...(answer && { answer }) }, result === 'timeout' ? 504 : 200)
  })
  return routes
}
