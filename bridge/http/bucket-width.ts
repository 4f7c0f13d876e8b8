const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Widths in which people think, each with its own axis labels. */
const NICE_WIDTHS = [
  ...[1, 2, 5, 10, 15, 30].map(n => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(n => n * MINUTE),
  ...[1, 2, 3, 6, 12].map(n => n * HOUR),
  ...[1, 2, 7, 14, 28].map(n => n * DAY),
]

/**
 * Milliseconds: the narrowest nice width of which at most `points` buckets, aligned to the epoch, touch the range
 * from `fromMs` (inclusive, not negative) to `toMs` (exclusive).
 */
export function bucketWidth(fromMs: number, toMs: number, points: number): number {
  const fits = (width: number) => Math.ceil(toMs / width) - Math.floor(fromMs / width) <= points
  let width = NICE_WIDTHS.find(fits) ?? NICE_WIDTHS.at(-1)!
  // Ends at the latest when one bucket reaches from the epoch to the end.
  while (!fits(width)) width *= 2
  return width
}
