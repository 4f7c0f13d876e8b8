import { Hono } from 'hono'
import { z } from 'zod'
import type { Decoder } from '../decode/decoder.ts'
import { type Explained, explain } from '../decode/explain.ts'
import type { Gated } from './access.ts'
import { limitBody } from './body.ts'
import { problem } from './problem.ts'

const MAX_BODY_BYTES = 4 * 1024 * 1024
/** A sequence is a birth and what follows it, not a replay. */
const MAX_MESSAGES = 10_000

/** What MQTT allows in the topic of a message [MQTT-3.3.2-2, MQTT-4.7.3-1]. */
const topicSchema = z
  .string()
  .min(1)
  .refine(topic => Buffer.byteLength(topic) <= 65_535 && !/[+#\0]/.test(topic), 'no topic to publish to')

const messageSchema = z
  .object({
    topic: topicSchema,
    payload: z.string().optional(),
    payloadBase64: z.string().optional(),
    retain: z.boolean().default(false),
  })
  .refine(
    message => message.payload === undefined || message.payloadBase64 === undefined,
    'payload or payloadBase64',
  )

const bodySchema = z.union([z.object({ messages: z.array(messageSchema).max(MAX_MESSAGES) }), messageSchema])

/**
 * `POST /explain`: what a message would become. Each request has a decoder of its own, so that nothing it tells
 * (units, births) reaches the one that stores.
 */
export function explainRoutes({ createDecoder }: { createDecoder: () => Decoder }): Hono<Gated> {
  const app = new Hono<Gated>()
  app.post('/explain', limitBody(MAX_BODY_BYTES), async c => {
    const json: unknown = await c.req.json().catch(() => undefined)
    if (json === undefined) return problem(c, 400, 'not-json', 'The body must be JSON.')
    const body = bodySchema.safeParse(json)
    if (!body.success) return problem(c, 400, 'bad-request', z.prettifyError(body.error))
    const decoder = createDecoder()
    const nowUs = Date.now() * 1000
    if (!('messages' in body.data)) return c.json(explainMessage(decoder, body.data, nowUs))
    return c.json({ results: body.data.messages.map(message => explainMessage(decoder, message, nowUs)) })
  })
  return app
}

function explainMessage(decoder: Decoder, message: z.infer<typeof messageSchema>, nowUs: number): Explained {
  const { topic, retain, payload, payloadBase64 } = message
  const bytes =
    payloadBase64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(payloadBase64, 'base64')
  return explain(decoder, { topic, payload: bytes, retain }, nowUs)
}
