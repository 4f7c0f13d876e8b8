/**
 * History for the strips in view: asked for a few at a time, newest wish first, so that what is on the screen
 * after a quick scroll comes before what was passed by.
 */

import { signal } from '@preact/signals'
import { fetchHistory } from './api.ts'
import { Buckets, SLOTS } from './buckets.ts'
import { serverNow } from './clock.ts'
import { changed, type Device, devices, type Field, numeric } from './fleet.ts'
import { requestFlush } from './frames.ts'

/** Browsers open six connections to one host; some stay free for what a person asks for. */
const MAX_REQUESTS = 3

interface Wish {
  readonly device: Device
  readonly field: Field
}

/** When the oldest reading within the last hour came; null while nothing is known. */
export const dataSinceMs = signal<number | null>(null)
const HOUR_MS = 3_600_000

const wishes: Wish[] = []
let running = 0
let rangeMs = 3_600_000

/** The buckets that a strip draws, made and asked for on first sight. */
export function bucketsOf(device: Device, field: Field): Buckets {
  if (!field.buckets || field.buckets.slotMs * SLOTS !== rangeMs) {
    field.buckets = new Buckets(rangeMs)
    wishes.push({ device, field })
    serveWishes()
  }
  return field.buckets
}

export function setStripRange(ms: number): void {
  rangeMs = ms
  wishes.length = 0
}

export const stripRange = () => rangeMs

/** After the connection was away: what was missed is in the store. Rows in view ask again when they are drawn. */
export function refreshStrips(): void {
  for (const device of devices.values()) for (const field of device.fields.values()) field.buckets = null
}

function serveWishes(): void {
  while (running < MAX_REQUESTS) {
    const wish = wishes.pop()
    if (!wish) return
    const buckets = wish.field.buckets
    if (!buckets || buckets.isFilled) continue
    running++
    void fill(wish, buckets).finally(() => {
      running--
      serveWishes()
    })
  }
}

async function fill({ device, field }: Wish, buckets: Buckets): Promise<void> {
  const now = serverNow()
  const span = buckets.slotMs * SLOTS
  const answer = await fetchHistory({
    device: device.id,
    field: field.name,
    fromMs: now - span,
    toMs: now,
    points: SLOTS,
  })
  buckets.isFilled = true
  if (!answer.ok) return noteSince(now)
  for (const point of answer.value) {
    const last = numeric(point.last)
    buckets.fill(point.time, point.mean ?? last, last)
  }
  device.rhythm.learnFrom(answer.value, now)
  if (span >= HOUR_MS) noteSince(answer.value[0]?.time ?? now)
  // The store chooses round buckets, wider than our slots at times: they are still one line.
  if (answer.value.length > 1) buckets.widestBucketMs = Math.max(buckets.slotMs, smallestStep(answer.value))
  changed.add(device)
  requestFlush()
}

function noteSince(timeMs: number): void {
  if (dataSinceMs.value === null || timeMs < dataSinceMs.value) dataSinceMs.value = timeMs
}

function smallestStep(points: readonly { readonly time: number }[]): number {
  let step = Number.POSITIVE_INFINITY
  for (let i = 1; i < points.length; i++) step = Math.min(step, points[i]!.time - points[i - 1]!.time)
  return step
}
