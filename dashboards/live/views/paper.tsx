/** The strip chart's paper: vertical lines at the quarters of the range, and the ruler that names them. */

const QUARTERS = [0, 0.25, 0.5, 0.75] as const

export function GridLines() {
  return (
    <>
      {QUARTERS.map(at => (
        <i key={at} style={{ '--at': at }} />
      ))}
    </>
  )
}

export function Ruler({ rangeMs }: { rangeMs: number }) {
  return (
    <thead>
      <tr class="ruler">
        <th scope="col">Device</th>
        <th scope="col">Value</th>
        <th scope="col">Also</th>
        <th scope="col" class="scale">
          <span class="unseen">Course</span>
          {QUARTERS.map((at, index) => (
            <i key={at} aria-hidden="true" style={{ '--at': at }}>
              {rulerLabel(rangeMs * (1 - at), rangeMs, index === 0)}
            </i>
          ))}
          <i class="now" aria-hidden="true">
            now
          </i>
          <b class="hover-time" aria-hidden="true" />
        </th>
        <th scope="col">Age</th>
      </tr>
    </thead>
  )
}

/** The first label carries the unit, the others only the number: −60 min, −45, −30, −15. */
function rulerLabel(beforeMs: number, rangeMs: number, isFirst: boolean): string {
  const [unitMs, unit] =
    rangeMs <= 3_600_000 ? [60_000, 'min'] : rangeMs <= 86_400_000 ? [3_600_000, 'h'] : [86_400_000, 'd']
  const amount = Math.round((beforeMs / unitMs) * 10) / 10
  return `−${amount}${isFirst ? ` ${unit}` : ''}`
}
