/**
 * Units that a family documents and does not send: a Tasmota plug's `ENERGY.Power` is in watts, and no message of it
 * says so. What a message or a discovery document says stands above them.
 */

export type UsualUnit = (field: string) => string | undefined

/**
 * Rows of a unit and the ends of field names, by whole parts: `power`, `aenergy.total`. '' says that there is none, where
 * a shorter end would say one.
 */
export function usualUnits(rows: readonly (readonly [unit: string, ends: string])[]): UsualUnit {
  const byEnd = new Map(rows.flatMap(([unit, ends]) => ends.split(' ').map(end => [end, unit] as const)))
  const known = new Map<string, string | undefined>()
  return field => {
    if (known.has(field)) return known.get(field)
    if (known.size >= MAX_KNOWN) known.clear()
    const unit = unitByEnd(field, byEnd)
    if (field.length <= MAX_KNOWN_LENGTH) known.set(field, unit)
    return unit
  }
}

const MAX_KNOWN = 10_000
const MAX_KNOWN_LENGTH = 128
/** Of an array, or of a part that a device has several of. */
const INDICES = /\.\d+(?=\.|$)/g

/** The longest end that is known. */
function unitByEnd(field: string, byEnd: ReadonlyMap<string, string>): string | undefined {
  let end = field.slice(-MAX_KNOWN_LENGTH).replace(INDICES, '').toLowerCase()
  for (;;) {
    const unit = byEnd.get(end)
    if (unit !== undefined) return unit === '' ? undefined : unit
    const dot = end.indexOf('.')
    if (dot === -1) return undefined
    end = end.slice(dot + 1)
  }
}
