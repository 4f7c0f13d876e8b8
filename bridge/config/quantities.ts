/** Durations and sizes as people write them in `trestle.yaml`. */

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  y: 365 * 86_400_000,
}

const SIZE_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
}

/** `7d`, `90 d`, `1.5h`, or a number of milliseconds; null: neither. */
export function parseDurationMs(text: string): number | null {
  return parseQuantity(text, DURATION_MS)
}

/** `2GiB`, `64 MiB`, `500MB`, or a number of bytes; null: neither. */
export function parseSizeBytes(text: string): number | null {
  return parseQuantity(text, SIZE_BYTES)
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-z]{0,3})$/i.exec(text.trim())
  if (match === null) return null
  const unit = (match[2] ?? '').toLowerCase()
  const factor = unit === '' ? 1 : units[unit]
  return factor === undefined ? null : Math.round(Number(match[1]) * factor)
}
