/** The colours of the stylesheet, for canvases: resolved once per theme, through a probe that knows `light-dark()`. */

const NAMES = [
  'surface',
  'sunken',
  'raised',
  'line',
  'ink',
  'ink-2',
  'ink-3',
  'accent',
  'warn',
  'bad',
  'hold',
  'spark',
  'bent',
  'hatch',
  'series-1',
  'series-2',
  'series-3',
  'series-4',
  'series-5',
  'series-6',
] as const

export type Colors = Readonly<Record<(typeof NAMES)[number], string>>

let colors: Colors | null = null

export function currentColors(): Colors {
  if (colors) return colors
  const probe = document.createElement('i')
  probe.hidden = true
  document.body.append(probe)
  const entries = NAMES.map(name => {
    probe.style.color = `var(--${name})`
    return [name, getComputedStyle(probe).color]
  })
  probe.remove()
  colors = Object.fromEntries(entries) as Colors
  return colors
}

export function forgetColors(): void {
  colors = null
}
