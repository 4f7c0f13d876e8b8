/**
 * When things are drawn: changed devices at most ten times a second, ages and strips once a second, nothing
 * while the tab is hidden. Ten a second is what an eye follows; thirty cost twice the time for nothing seen.
 */

import { changed } from './fleet.ts'

const FLUSH_INTERVAL_MS = 100

let isScheduled = false
let lastFlushMs = 0
const everySecond = new Set<() => void>()
const everyFlush = new Set<() => void>()

/** Asks for a redraw of what is in `changed`. Cheap to call for every reading. */
export function requestFlush(): void {
  if (isScheduled) return
  isScheduled = true
  const waitMs = lastFlushMs + FLUSH_INTERVAL_MS - performance.now()
  if (waitMs <= 0) requestAnimationFrame(flush)
  else setTimeout(() => requestAnimationFrame(flush), waitMs)
}

function flush(): void {
  isScheduled = false
  lastFlushMs = performance.now()
  for (const device of changed) for (const paint of device.painters) paint()
  changed.clear()
  for (const paint of everyFlush) paint()
}

/** Runs with every flush, until the returned function is called. */
export function onFlush(paint: () => void): () => void {
  everyFlush.add(paint)
  return () => everyFlush.delete(paint)
}

/** Runs once a second while the page is seen, until the returned function is called. */
export function onSecond(paint: () => void): () => void {
  everySecond.add(paint)
  return () => everySecond.delete(paint)
}

export function startFrames(): void {
  const tick = () => {
    if (document.hidden) return
    requestAnimationFrame(() => {
      for (const paint of everySecond) paint()
    })
  }
  setInterval(tick, 1000)
  document.addEventListener('visibilitychange', tick)
}
