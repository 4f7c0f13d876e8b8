/**
 * The live connection and what follows from its coming and going: values into the fleet, the server's clock,
 * the catalog beside it, and what the banner says while it is away.
 */

import { effect, signal, untracked } from '@preact/signals'
import { connectLive } from '../../../bridge/live/client.ts'
import type { LiveReading } from '../../../bridge/live/protocol.ts'
import { fetchDevices } from './api.ts'
import { serverNow, setServerTime } from './clock.ts'
import { applyReading, learnDevices, readingsSeen, updateStates } from './fleet.ts'
import { onSecond, requestFlush } from './frames.ts'
import { look } from './health.ts'
import { isOut, learnSession } from './session.ts'
import { refreshStrips } from './strips.ts'

/** A hiccup shorter than this is not worth a banner. */
const BANNER_AFTER_MS = 1_200
const CATALOG_EVERY_MS = 60_000
const RATE_SECONDS = 5
/** The page itself ended it. */
const ENDED = 1000
/** Short: the page should be live again before a person reaches for `Try now`. */
const MAX_RETRY_MS = 1_500

export type Connection =
  | { readonly kind: 'starting' }
  | { readonly kind: 'live' }
  /** `retryAtMs` by the browser's clock; null while an attempt is under way. */
  | { readonly kind: 'away'; readonly retryAtMs: number | null; readonly isRefused: boolean }

export const connection = signal<Connection>({ kind: 'starting' })
/** Whether the first snapshot and the catalog have come: only then is an empty list really empty. */
export const isLoaded = signal(false)
/** Server time when the connection was last known to be up; what is on the page is as of then. */
export const lastGoodMs = signal(0)
export const readingsPerSecond = signal(0)
/** Values between two frames that this page did not ask to see, or was too slow for. */
export const skippedPerSecond = signal(0)
/** Moves when something was missed: what is drawn is asked for anew, the store has it. */
export const missedVersion = signal(0)

let awayTimer: ReturnType<typeof setTimeout> | undefined
let catalogTimer: ReturnType<typeof setTimeout> | undefined
let wasAway = false

/** Begins as the page loads: the hello travels while the views are made. */
export const live = connectLive({
  maxDelayMs: MAX_RETRY_MS,
  onState: state => {
    if (state.kind === 'open') {
      clearTimeout(awayTimer)
      awayTimer = undefined
      comeBack()
      return
    }
    const retryAtMs = state.kind === 'waiting' ? state.retryAtMs : null
    const isRefused = state.kind === 'closed'
    // Who was let in before may be somebody else to the bridge by now, or nobody.
    if (state.kind === 'closed' && state.code !== ENDED) void learnSession().then(enterAgain)
    if (connection.value.kind === 'away') connection.value = { kind: 'away', retryAtMs, isRefused }
    else awayTimer ??= setTimeout(() => goAway(), BANNER_AFTER_MS)
  },
})

/** Unless it is the login that is missing. */
function enterAgain(): void {
  if (!isOut.value) setTimeout(() => live.connect(), MAX_RETRY_MS)
}

function goAway(): void {
  const state = live.state
  if (state.kind === 'open') return
  wasAway = true
  connection.value = {
    kind: 'away',
    retryAtMs: state.kind === 'waiting' ? state.retryAtMs : null,
    isRefused: state.kind === 'closed',
  }
  updateStates(serverNow(), false)
  requestFlush()
}

function comeBack(): void {
  setServerTime(Date.now() + live.clockOffsetMs)
  updateStates(serverNow(), true)
  connection.value = { kind: 'live' }
  if (wasAway) askAnew()
  wasAway = false
  void learnCatalog()
}

function askAnew(): void {
  refreshStrips()
  missedVersion.value++
}

export function startConnection(): void {
  effect(() => {
    const isGone = isOut.value
    // Opening and closing tell `connection`, which this must not follow: it would go round and round.
    untracked(() => comeOrGo(isGone))
  })
  live.subscribe({
    maxHz: 10,
    onSnapshot: readings => take(readings, false),
    onReadings: (readings, frame) => {
      if ('skipped' in frame) readingsSeen.skipped += frame.skipped
      take(readings, true)
    },
    onGap: () => {
      askAnew()
      // A device may have been forgotten in it.
      void learnCatalog()
    },
  })
  void learnCatalog()
  setInterval(() => void learnCatalog(), CATALOG_EVERY_MS)
  void look()
  let before = 0
  let skippedBefore = 0
  onSecond(() => {
    if (live.state.kind === 'open') lastGoodMs.value = serverNow()
    updateStates(serverNow(), connection.value.kind !== 'away')
    // Over a few seconds: a house of slow sensors would show nought most of the time.
    readingsPerSecond.value += (readingsSeen.count - before - readingsPerSecond.value) / RATE_SECONDS
    before = readingsSeen.count
    skippedPerSecond.value += (readingsSeen.skipped - skippedBefore - skippedPerSecond.value) / RATE_SECONDS
    skippedBefore = readingsSeen.skipped
    requestFlush()
  })
}

function comeOrGo(isGone: boolean): void {
  if (isGone) {
    wasAway = true
    live.close()
  } else if (live.state.kind === 'closed') {
    connection.value = { kind: 'starting' }
    live.connect()
    void look()
  }
}

function take(readings: readonly LiveReading[], isNew: boolean): void {
  let isKnown = true
  for (const reading of readings) isKnown = applyReading(reading, isNew) && isKnown
  if (!isNew) updateStates(serverNow(), connection.value.kind !== 'away')
  if (!isKnown) catalogTimer ??= setTimeout(() => void learnCatalog(), 300)
  requestFlush()
}

async function learnCatalog(): Promise<void> {
  clearTimeout(catalogTimer)
  catalogTimer = undefined
  if ((document.hidden && isLoaded.value) || isOut.value) return
  const askedAtMs = performance.now()
  const answer = await fetchDevices()
  if (!answer.ok) return
  learnDevices(answer.value, askedAtMs)
  updateStates(serverNow(), connection.value.kind !== 'away')
  isLoaded.value = true
  requestFlush()
}
