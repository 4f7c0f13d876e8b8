/** Silences of a device, as its chart hatches them. */

import type { ChartView, Gap } from './chart-view.ts'

/** Where nothing came from this device at all: longer than three of its intervals, or than what a bucket hides. */
export function gapsOf(
  view: Pick<ChartView, 'courses' | 'device' | 'fromMs' | 'toMs' | 'nowMs'>,
): readonly Gap[] {
  let size = 0
  let bucketMs = 0
  for (const course of view.courses.values()) {
    size += course.length
    bucketMs = Math.max(bucketMs, course.bucketMs)
  }
  const times = new Float64Array(size)
  let at = 0
  for (const course of view.courses.values()) {
    times.set(course.times.subarray(0, course.length), at)
    at += course.length
  }
  times.sort()
  const longest = Math.max(2.5 * bucketMs, 3 * (view.device.rhythm.intervalMs() ?? 0), 5_000)
  const gaps: Gap[] = []
  for (let i = 1; i < size; i++) {
    const fromMs = times[i - 1]! + bucketMs / 2
    const toMs = times[i]! - bucketMs / 2
    if (toMs - fromMs > longest && toMs > view.fromMs && fromMs < view.toMs)
      gaps.push({ fromMs: Math.max(fromMs, view.fromMs), toMs })
  }
  const lastMs = Math.max(times[size - 1] ?? 0, view.device.lastMs)
  if (size > 0 && view.device.state !== 'reporting' && view.nowMs - lastMs > longest && lastMs < view.toMs) {
    gaps.push({ fromMs: Math.max(view.fromMs, lastMs), toMs: Math.min(view.nowMs, view.toMs) })
  }
  return gaps
}
