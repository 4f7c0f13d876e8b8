/** The questions that a check asks Trestle over HTTP. */

import type { LiveValue } from '../../bridge/live/protocol.ts'

export interface RawPoint {
  /** Milliseconds, with microseconds as the fraction. */
  readonly time: number
  readonly value: LiveValue
}

/** In messages, since the data directory was made. */
export interface LedgerView {
  readonly received: number
  readonly stored: number
  readonly waiting: number
  readonly quarantined: number
  readonly ignored: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
  readonly balanced: boolean
}

const TIMEOUT_MS = 30_000

export class Api {
  readonly url: URL
  readonly token: string | undefined

  constructor(url: string, token?: string) {
    this.url = new URL(url)
    this.token = token
  }

  get liveUrl(): URL {
    return new URL('/live', this.url)
  }

  ledger(): Promise<LedgerView> {
    return this.#get('/api/ledger') as Promise<LedgerView>
  }

  /** Every point of that time, in order. A device or field that is not known (yet) has none. */
  async *rawPoints(device: string, field: string, fromMs: number, toMs: number): AsyncGenerator<RawPoint> {
    let from: number | null = fromMs
    while (from !== null) {
      const query = new URLSearchParams({
        device,
        field,
        from: String(from),
        to: String(toMs),
        points: 'raw',
      })
      const page = (await this.#get(`/api/history?${query}`)) as {
        points: RawPoint[]
        next?: number | null
      } | null
      if (page === null) return
      yield* page.points
      from = page.next ?? null
    }
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(new URL(path, this.url), {
      headers: this.token === undefined ? {} : { authorization: `Bearer ${this.token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.status === 404) {
      await response.body?.cancel()
      return null
    }
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
}

/** What changed between two views. */
export function ledgerSince(before: LedgerView, after: LedgerView): LedgerView {
  return {
    received: after.received - before.received,
    stored: after.stored - before.stored,
    waiting: after.waiting,
    quarantined: after.quarantined - before.quarantined,
    ignored: difference(before.ignored, after.ignored),
    dropped: difference(before.dropped, after.dropped),
    balanced: after.balanced,
  }
}

type Counts = Readonly<Record<string, number>>

function difference(before: Counts, after: Counts): Counts {
  const entries = Object.entries(after).map(
    ([reason, count]) => [reason, count - (before[reason] ?? 0)] as const,
  )
  return Object.fromEntries(entries.filter(([, count]) => count !== 0))
}
