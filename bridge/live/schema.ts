/** The frames of the protocol as schemas: what clients send is checked by them, and `liveSchema` is for machines. */

import { z } from 'zod'
import { isValidFilter } from '../telemetry/topics.ts'
import { type ClientFrame, type ErrorFrame, LIVE_PROTOCOL, type ServerFrame } from './protocol.ts'

export const MAX_PATTERNS = 100

const id = z.union([z.number(), z.string().max(64)])
const text = (max: number) => z.string().min(1).max(max)
const globs = z.array(text(256)).min(1).max(MAX_PATTERNS)
const topics = z
  .array(text(1024).refine(isValidFilter, { error: 'not an MQTT topic filter' }))
  .min(1)
  .max(MAX_PATTERNS)
const maxHz = z.number().min(0.01).max(1000)

const clientFrames = {
  auth: z.object({ op: z.literal('auth'), token: z.string() }),
  subscribe: z.object({
    op: z.literal('subscribe'),
    id,
    stream: z.literal('readings').optional(),
    devices: globs.optional(),
    fields: globs.optional(),
    topics: topics.optional(),
    maxHz: maxHz.optional(),
    snapshot: z.boolean().optional(),
    resume: z.string().optional(),
  }),
  subscribeMessages: z.object({
    op: z.literal('subscribe'),
    id,
    stream: z.literal('messages'),
    topics: topics.optional(),
    maxHz: maxHz.optional(),
  }),
  unsubscribe: z.object({ op: z.literal('unsubscribe'), id }),
  command: z.object({
    op: z.literal('command'),
    id,
    device: text(256),
    topic: text(1024).optional(),
    payload: z.unknown().refine(payload => payload !== undefined, { error: 'missing' }),
    qos: z.union([z.literal(0), z.literal(1)]).optional(),
    answer: z.boolean().optional(),
  }),
  ping: z.object({ op: z.literal('ping') }),
}

export const clientFrame = z.union([
  clientFrames.auth,
  clientFrames.subscribe,
  clientFrames.subscribeMessages,
  clientFrames.unsubscribe,
  clientFrames.command,
  clientFrames.ping,
])

export type ReadFrame =
  | { readonly ok: true; readonly frame: ClientFrame }
  | { readonly ok: false; readonly error: ErrorFrame }

export function readClientFrame(text: string): ReadFrame {
  try {
    return checkClientFrame(JSON.parse(text))
  } catch {
    return { ok: false, error: { op: 'error', code: 'bad-frame', message: 'not JSON' } }
  }
}

/** Null stands for an option that is absent, as many languages write it. */
export function checkClientFrame(json: { op?: unknown; id?: unknown; stream?: unknown } | null): ReadFrame {
  const present = Object.entries(json ?? {}).filter(([name, value]) => value !== null || name === 'payload')
  const parsed = schemaFor(json?.op, json?.stream).safeParse(Object.fromEntries(present))
  if (parsed.success) return { ok: true, frame: parsed.data }
  const [issue] = parsed.error.issues
  const where = issue?.path.join('.') ?? ''
  const code = /^(devices|fields|topics|maxHz)/.test(where) ? 'bad-filter' : 'bad-frame'
  const message = `${where === '' ? '' : `${where}: `}${issue?.message ?? 'not a frame of this protocol'}`
  const known = id.safeParse(json?.id)
  return { ok: false, error: { op: 'error', ...(known.success ? { id: known.data } : {}), code, message } }
}

function schemaFor(op: unknown, stream: unknown): z.ZodType<ClientFrame> {
  switch (op) {
    case 'subscribe':
      return stream === 'messages' ? clientFrames.subscribeMessages : clientFrames.subscribe
    case 'auth':
    case 'unsubscribe':
    case 'command':
    case 'ping':
      return clientFrames[op]
    default:
      return unknownOp
  }
}

const unknownOp = z.object({
  op: z.enum(['auth', 'subscribe', 'unsubscribe', 'command', 'ping']),
}) as unknown as z.ZodType<ClientFrame>

const seq = z.number().int().min(0)
const time = z.number().describe('milliseconds since the epoch, microseconds as the fraction')

const reading = z.object({
  device: z.string(),
  topic: z.string(),
  time,
  received: time,
  values: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  tags: z.record(z.string(), z.string()),
})

const shownPayload = {
  payload: z.string().exactOptional(),
  payloadBase64: z.string().exactOptional(),
  cutFrom: z.number().int().exactOptional(),
}

const message = z.object({
  topic: z.string(),
  ...shownPayload,
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  retain: z.boolean(),
  time,
  client: z.string().nullable(),
  result: z.string(),
})

const limits = z.object({
  maxMessageBytes: z.number().int(),
  messagesPerSecond: z.number(),
  maxSubscriptions: z.number().int(),
  maxPatterns: z.number().int(),
})

export const serverFrame = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('hello'),
    protocol: z.string(),
    node: z.string(),
    cursor: z.string(),
    seq,
    serverTime: time,
    limits,
  }),
  z.object({
    op: z.literal('result'),
    id,
    ok: z.literal(true),
    result: z.enum(['delivered', 'offline', 'timeout']).exactOptional(),
    answer: z.object({ topic: z.string(), ...shownPayload, time }).exactOptional(),
  }),
  z.object({ op: z.literal('snapshot'), id, cursor: z.string(), seq, readings: z.array(reading) }),
  z.object({
    op: z.literal('readings'),
    id,
    cursor: z.string(),
    seq,
    skipped: z.number().int(),
    readings: z.array(reading),
  }),
  z.object({
    op: z.literal('messages'),
    id,
    cursor: z.string(),
    skipped: z.number().int(),
    messages: z.array(message),
  }),
  z.object({
    op: z.literal('gap'),
    id,
    from: seq.nullable(),
    to: seq,
    reason: z.enum(['too-old', 'slow-client', 'restarted', 'node-lost']),
  }),
  z.object({ op: z.literal('error'), id: id.exactOptional(), code: z.string(), message: z.string() }),
  z.object({ op: z.literal('pong') }),
])

// The types that pages import, without zod, and these schemas say the same: each way round the compiler checks it.
type Takes<Target, Source extends Target> = Source
type Checked = [
  Takes<ClientFrame, z.infer<typeof clientFrame>>,
  Takes<z.infer<typeof clientFrame>, Mutable<ClientFrame>>,
  Takes<ServerFrame, z.infer<typeof serverFrame>>,
  Takes<z.infer<typeof serverFrame>, Mutable<ServerFrame>>,
]
type Mutable<T> = T extends (string & {}) | string | number | boolean | null | undefined
  ? T
  : { -readonly [K in keyof T]: Mutable<T[K]> }

/** JSON Schema (2020-12) of both directions, served at `/live/schema.json`. */
export function liveSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: LIVE_PROTOCOL,
    $defs: { clientFrame: z.toJSONSchema(clientFrame), serverFrame: z.toJSONSchema(serverFrame) },
    anyOf: [{ $ref: '#/$defs/clientFrame' }, { $ref: '#/$defs/serverFrame' }],
  }
}

export type { Checked }
