/** A trestle across a valley, with a reading on its way over it. Decoration. */

const WIDTH = 1440
const HEIGHT = 300
const DECK = 78
const RIM = 112
const FLOOR = 470
const SPACING = 96
const BAY = 52
/** How far a leg leans out for each unit down. */
const LEAN = 0.17

export function TrestleDrawing() {
  return (
    <svg
      class="trestle"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMidYMax slice"
      aria-hidden="true"
    >
      <path class="ground" d={`M0 ${RIM}Q${WIDTH / 2} ${FLOOR} ${WIDTH} ${RIM}V${HEIGHT}H0z`} />
      <path class="brace" d={bents(braces)} />
      <path class="leg" d={`${bents(legs)}M0 ${DECK - 8}H${WIDTH}M0 ${DECK}H${WIDTH}`} />
      <path class="reading" d={reading()} />
    </svg>
  )
}

function bents(draw: (x: number, depth: number) => string): string {
  let path = ''
  for (let x = SPACING / 2; x < WIDTH; x += SPACING) path += draw(x, ground(x) - DECK)
  return path
}

/** Where the valley is at `x`: the same curve as in the picture. */
function ground(x: number): number {
  const t = x / WIDTH
  return RIM * (1 - 2 * t * (1 - t)) + FLOOR * 2 * t * (1 - t)
}

function legs(x: number, depth: number): string {
  const out = depth * LEAN
  return `M${x - 6} ${DECK}l${-out} ${depth}M${x + 6} ${DECK}l${out} ${depth}`
}

function braces(x: number, depth: number): string {
  let path = ''
  for (let down = BAY; down < depth; down += BAY) {
    const half = 6 + down * LEAN
    const above = 6 + (down - BAY) * LEAN
    path += `M${x - half} ${DECK + down}h${2 * half}M${x - above} ${DECK + down - BAY}L${x + half} ${DECK + down}`
  }
  return path
}

/** Quiet, with one moment that was not. */
function reading(): string {
  let path = ''
  for (let x = 0; x <= WIDTH; x += 6) {
    const drift =
      4 * Math.sin(x / 190) + 1.6 * Math.sin(x / 41) + 0.9 * Math.sin(x / 11.3) + 0.7 * Math.sin(x / 6.1)
    const spike = 44 * Math.exp(-(((x - 1032) / 9) ** 2)) - 16 * Math.exp(-(((x - 1052) / 10) ** 2))
    path += `${x === 0 ? 'M' : 'L'}${x} ${(40 + drift - spike).toFixed(1)}`
  }
  return path
}
