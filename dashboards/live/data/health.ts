/** How the bridge fares: its account of messages, its store, and the course of both while this page is open. */

import { signal } from '@preact/signals'
import { fetchLedger, fetchReadiness, fetchText, type Ledger, type Readiness } from './api.ts'
import { noteAddress } from './broker-address.ts'
import { serverNow } from './clock.ts'
import { noteChanges } from './events.ts'
import { type Metrics, parseMetrics } from './metrics.ts'
import { type Delays, Samples } from './samples.ts'
import { isOut } from './session.ts'

const POLL_MS = 5_000
/** While the health view is open. */
const WATCHED_POLL_MS = 2_000

export const ledger = signal<Ledger | null>(null)
export const readiness = signal<Readiness | null>(null)
export const metrics = signal<Metrics | null>(null)
/** Moves with every sample: the charts draw anew. */
export const sampleVersion = signal(0)

export const samples = new Samples()

let watchers = 0
let timer: ReturnType<typeof setTimeout> | undefined

/** Looks more often, and at more, until the returned function is called. */
export function watchHealth(): () => void {
  watchers++
  void look()
  return () => {
    watchers--
  }
}

export async function look(): Promise<void> {
  clearTimeout(timer)
  if (!document.hidden && !isOut.value) {
    const [account, ready, text] = await Promise.all([
      fetchLedger(),
      fetchReadiness(),
      watchers > 0 ? fetchText('/metrics') : null,
    ])
    if (text?.ok) metrics.value = parseMetrics(text.value)
    if (account.ok) {
      ledger.value = account.value
      samples.add(serverNow(), account.value, text?.ok ? delaysIn(metrics.value) : undefined)
      sampleVersion.value++
    }
    noteChanges(serverNow(), ready.ok ? ready.value : null, account.ok ? account.value : null)
    if (ready.ok) {
      readiness.value = ready.value
      noteAddress(ready.value)
    }
  }
  clearTimeout(timer)
  timer = setTimeout(() => void look(), watchers > 0 ? WATCHED_POLL_MS : POLL_MS)
}

function delaysIn(numbers: Metrics | null): Delays {
  const ms = (name: string) => (numbers?.get(`trestle_live_delay_${name}_seconds`) ?? Number.NaN) * 1000
  return { half: ms('p50'), nearlyAll: ms('p99') }
}
