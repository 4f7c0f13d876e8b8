/** What happened to the bridge while this page was open: the log at the foot of the health view. */

import { signal } from '@preact/signals'
import { formatAge, plural } from '../words/format.ts'
import { reasonWords } from '../words/message.ts'
import type { Ledger, Readiness } from './api.ts'

export interface BridgeEvent {
  readonly timeMs: number
  readonly words: string
}

const MOST = 50

/** Newest first. */
export const events = signal<readonly BridgeEvent[]>([])

function addEvent(timeMs: number, words: string): void {
  events.value = [{ timeMs, words }, ...events.value].slice(0, MOST)
}

let before: { readonly readiness: Readiness | null; readonly account: Ledger | null } | null = null
let diskSinceMs = 0

/** Compares what is so with what was so at the last look. */
export function noteChanges(timeMs: number, readiness: Readiness | null, account: Ledger | null): void {
  const last = before
  before = { readiness: readiness ?? last?.readiness ?? null, account: account ?? last?.account ?? null }
  if (!last) return
  if (readiness && last.readiness) noteReadiness(timeMs, readiness, last.readiness)
  if (account && last.account) noteDrops(timeMs, account, last.account)
}

function noteReadiness(timeMs: number, now: Readiness, last: Readiness): void {
  if (now.ready !== last.ready) {
    addEvent(
      timeMs,
      now.ready
        ? `Disk takes messages again, after ${formatAge(timeMs - diskSinceMs)}`
        : `Disk takes no messages: ${now.reason ?? 'it does not answer'}`,
    )
    if (!now.ready) diskSinceMs = timeMs
  }
  const [isAway, wasAway] = [now.store?.ok === false, last.store?.ok === false]
  if (isAway && !wasAway) addEvent(now.store?.since ?? timeMs, 'Store away, messages wait on disk')
  if (wasAway && !isAway) {
    const since = last.store?.since
    addEvent(timeMs, `Store back${since ? ` after ${formatAge(timeMs - since)}` : ''}, what waited is on its way`)
  }
}

function noteDrops(timeMs: number, now: Ledger, last: Ledger): void {
  for (const [reason, count] of Object.entries(now.dropped)) {
    const more = count - (last.dropped[reason] ?? 0)
    if (more > 0) addEvent(timeMs, `${plural(more, 'message')} dropped: ${reasonWords(reason)}`)
  }
}
