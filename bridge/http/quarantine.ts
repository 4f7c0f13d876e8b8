import { Hono } from 'hono'
import { z } from 'zod'
import type { QuarantineEntry } from '../quarantine/quarantine.ts'
import type { ReplayReport } from '../quarantine/replay.ts'
import type { Gated } from './access.ts'
import { limitBody } from './body.ts'
import { problem } from './problem.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
/** A topic may have 64 KiB. */
const MAX_BODY_BYTES = 512 * 1024

export interface QuarantineSource {
  /** Newest first; `before` is the id that the last page ended with. */
  list(limit: number, before: number | null): Promise<readonly QuarantineEntry[]>
  /** What is held through the decoder again; everything unless `wants` is given. */
  replay(wants?: (entry: QuarantineEntry) => boolean): Promise<ReplayReport>
}

/** Entries of one kind: that came on a topic, that were held for a reason, or both. */
const kindSchema = z.strictObject({ topic: z.string().optional(), reason: z.string().optional() })

/** `GET /quarantine?limit=&before=` -> `{entries, next}`; `POST /quarantine/replay {topic?, reason?}` -> `{replayed, ignored, kept}`. */
export function quarantineRoutes(quarantine: QuarantineSource): Hono<Gated> {
  const routes = new Hono<Gated>()
  routes.get('/quarantine', async c => {
    const limit = Number(c.req.query('limit') ?? DEFAULT_LIMIT)
    const before = c.req.query('before')
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
      return problem(c, 400, 'bad-limit', `limit must be a number from 1 to ${MAX_LIMIT}`)
    }
    if (before !== undefined && !/^\d{1,15}$/.test(before)) {
      return problem(c, 400, 'bad-before', 'before must be the id of an entry')
    }
    const entries = await quarantine.list(limit, before === undefined ? null : Number(before))
    const last = entries.at(-1)
    return c.json({
      entries: entries.map(({ payload, ...entry }) => ({ ...entry, ...payloadText(payload) })),
      next: last !== undefined && entries.length === limit ? last.id : null,
    })
  })
  // One after the other: two at once would replay the same entries.
  let last: Promise<unknown> = Promise.resolve()
  routes.post('/quarantine/replay', limitBody(MAX_BODY_BYTES), async c => {
    const text = await c.req.text()
    const kind = kindSchema.safeParse(text === '' ? {} : parse(text))
    if (!kind.success) return problem(c, 400, 'bad-body', 'send {"topic"?: "...", "reason"?: "..."} as JSON')
    const { topic, reason } = kind.data
    const replay = last.then(() =>
      quarantine.replay(
        entry =>
          (topic === undefined || entry.topic === topic) && (reason === undefined || entry.reason === reason),
      ),
    )
    last = replay.catch(() => undefined)
    return c.json(await replay)
  })
  return routes
}

/** As text where it is text, else in base64. */
function payloadText(payload: Uint8Array): { payload: string } | { payloadBase64: string } {
  const bytes = Buffer.from(payload)
  try {
    return { payload: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { payloadBase64: bytes.toString('base64') }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
