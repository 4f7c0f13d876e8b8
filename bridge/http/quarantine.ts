import { Hono } from 'hono'
import type { QuarantineEntry } from '../quarantine/quarantine.ts'
import type { ReplayReport } from '../quarantine/replay.ts'
import type { Gated } from './access.ts'
import { problem } from './problem.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000

export interface QuarantineSource {
  /** Newest first; `before` is the id that the last page ended with. */
  list(limit: number, before: number | null): Promise<readonly QuarantineEntry[]>
  /** Every entry through the decoder again. */
  replay(): Promise<ReplayReport>
}

/** `GET /quarantine?limit=&before=` -> `{entries, next}`; `POST /quarantine/replay` -> `{replayed, ignored, kept}`. */
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
  // One at a time: two would replay the same entries.
  let replaying: Promise<ReplayReport> | null = null
  routes.post('/quarantine/replay', async c => {
    replaying ??= quarantine.replay().finally(() => {
      replaying = null
    })
    return c.json(await replaying)
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
