/**
 * After a fix (a rule, a decoder, a field in the store): every entry goes through the decoder again. What can be used
 * now goes to the spool, and the same block that holds its lines lets its entry leave; a crash in between repeats or
 * completes it, and the points are the same ones. Nothing is shown live: it is old.
 */

import type { Catalog } from '../catalog/catalog.ts'
import type { Decoder } from '../decode/decoder.ts'
import type { Entry, Outcome } from '../spool/batch.ts'
import { splitLines } from '../store/line-protocol.ts'
import type { QuarantineEntry } from './quarantine.ts'

export interface ReplayReport {
  /** Entries whose readings are on their way to the store. */
  readonly replayed: number
  /** Entries that turned out to have no reading. */
  readonly ignored: number
  /** Entries that still cannot be used, or whose payload was too long to be kept whole. */
  readonly kept: number
}

export interface ReplayParts {
  readonly decoder: Decoder
  readonly catalog: Pick<Catalog, 'accept' | 'learnOld'>
  readonly append: (entry: Entry) => Promise<void>
  /** Of what is held, what to replay; everything unless given. Others are not counted. */
  readonly wants?: ((entry: QuarantineEntry) => boolean) | undefined
  /** Oldest first, behind an id. */
  readonly list: (after: number, limit: number) => Promise<readonly QuarantineEntry[]>
}

const PAGE = 500

/** Rejects when the spool does not take it; what went before is replayed. */
export async function replayQuarantine(parts: ReplayParts): Promise<ReplayReport> {
  const report = { replayed: 0, ignored: 0, kept: 0 }
  for (
    let page = await parts.list(0, PAGE);
    page.length > 0;
    page = await parts.list(page.at(-1)!.id, PAGE)
  ) {
    const appended: Promise<void>[] = []
    for (const entry of page) {
      if (parts.wants?.(entry) === false) continue
      const lines = linesOf(entry, parts)
      if (lines === null) report.kept++
      else {
        report[lines.ignored === null ? 'replayed' : 'ignored']++
        appended.push(parts.append(toEntry(entry, lines)))
      }
    }
    await Promise.all(appended)
  }
  return report
}

interface Lines {
  readonly text: string
  readonly count: number
  /** Why there are none. */
  readonly ignored: string | null
}

/** Null: it still cannot be used. */
function linesOf(entry: QuarantineEntry, { decoder, catalog }: ReplayParts): Lines | null {
  if (entry.payloadBytes > entry.payload.length) return null
  if (entry.by === 'store') {
    const text = Buffer.from(entry.payload).toString()
    return { text, count: splitLines(entry.payload).length, ignored: null }
  }
  const receivedUs = entry.time * 1000
  const { topic, payload, client, retain } = entry
  const decoded = decoder.decode({ topic, payload: Buffer.from(payload), retain, client }, receivedUs)
  switch (decoded.kind) {
    case 'rejected':
      return null
    case 'ignored': {
      // What there was no room for then.
      const facts = entry.by === 'limits' ? decoded.facts : undefined
      if (facts !== undefined && catalog.learnOld(facts, topic) !== null) return null
      return { text: '', count: 0, ignored: decoded.reason }
    }
    case 'readings': {
      if (decoded.rejected !== undefined) return null
      // The arrival of then, as it is: what was stored of the message at the time is the same point again.
      const accepted = decoded.readings.map(reading =>
        catalog.accept({ ...reading, timeUs: reading.timeUs ?? receivedUs }, decoded.by, receivedUs),
      )
      if (accepted.some(({ refused }) => refused !== null)) return null
      return { text: accepted.map(({ line }) => line).join(''), count: accepted.length, ignored: null }
    }
  }
}

function toEntry({ id, isCounted }: QuarantineEntry, { text, count, ignored }: Lines): Entry {
  const outcome: Outcome = { kind: 'replayed', entry: id, isCounted, ignored }
  return { lines: text, lineCount: count, outcome, key: null, awaited: true }
}
