import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { z } from 'zod'
import type { SendCommand } from '../live/command.ts'
import { isTooDeep } from '../live/depth.ts'
import type { Gated } from './access.ts'
import { limitBody } from './body.ts'
import { problem } from './problem.ts'

const MAX_BODY_BYTES = 256 * 1024
/** Objects and arrays within one another, in the body. */
const MAX_DEPTH = 32

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
export function commandRoutes(sendCommand: SendCommand): Hono<Gated> {
  const routes = new Hono<Gated>()
  routes.post('/devices/:id/commands', limitBody(MAX_BODY_BYTES), async c => {
    const body = bodySchema.safeParse(parse(await c.req.text()))
    if (!body.success)
      return problem(c, 400, 'bad-body', 'send {"payload": ..., "topic"?: "...", "qos"?: 0 or 1} as JSON')
    const { id = randomUUID(), ...wishes } = body.data
    const principal = c.get('principal')
    const outcome = await sendCommand({
      // Nobody repeats, or hears of, another's command; the ids of live connections are others still.
      id: `http:${principal.name}:${id}`,
      device: c.req.param('id'),
      ...wishes,
      principal,
    })
    if (!outcome.ok) return problem(c, STATUS[outcome.code] ?? 400, outcome.code, outcome.message)
    const { result, answer } = outcome
    return c.json({ id, result, ...(answer && { answer }) }, result === 'timeout' ? 504 : 200)
  })
  return routes
}

/** Null: no JSON that could be walked. */
function parse(text: string): unknown {
  try {
    return isTooDeep(text, MAX_DEPTH) ? null : JSON.parse(text)
  } catch {
    return null
  }
}
