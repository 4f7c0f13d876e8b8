/** What was measured of the page, against its bars. Bars are for an idle machine with two cores. */

import { percentile } from './page-measures.ts'

/** By name; what could not be measured is absent. */
export type Figures = Readonly<Record<string, number>>

export interface Run {
  readonly figures: Figures
  /** Of the machine when it began. */
  readonly load: number
  /** Steps that failed, with the reason. */
  readonly failed: Readonly<Record<string, string>>
}

/** Name, unit, bar: `<=` unless it begins with `>`. */
const BARS: Readonly<Record<string, readonly [unit: string, bar: string]>> = {
  'initial JS + CSS, gzipped': ['kB', '80'],
  'lazy JS + CSS, gzipped': ['kB', ''],
  'first value': ['ms', '1000'],
  '1,000/s: messages taken by the bridge': ['/s', ''],
  '1,000/s: frames': ['fps', '>55'],
  '1,000/s: p99 frame': ['ms', '34'],
  '1,000/s: main thread busy': ['%', '35'],
  '1,000/s: publish to DOM, p99': ['ms', '250'],
  '5,000/s: messages taken by the bridge': ['/s', ''],
  '5,000/s: frames': ['fps', '>45'],
  '5,000/s: p99 frame': ['ms', ''],
  '5,000/s: main thread busy': ['%', ''],
  '5,000/s: skipped is shown (1: yes)': ['', '>1'],
  'heap growth': ['MB', '5'],
  'killed: until the banner': ['ms', '2000'],
  'restarted: until live': ['ms', '3000'],
  'clock 10 min ahead: age of a fresh value': ['s', '3'],
  'clock 10 min behind: age of a fresh value': ['s', '3'],
}

/** As a table: medians of what was measured, each with its bar. */
export function report(runs: readonly Run[]): string {
  const names = Object.keys(BARS).filter(name => runs.some(({ figures }) => figures[name] !== undefined))
  const width = Math.max(0, ...names.map(name => name.length))
  const lines = names.map(name => {
    const [unit, bar] = BARS[name]!
    const values = runs.flatMap(({ figures }) => figures[name] ?? [])
    const median = percentile(values, 0.5)
    const word = bar === '' ? '' : `${bar.startsWith('>') ? '>= ' : '<= '}${bar.replace('>', '')}`
    const mark = bar === '' ? '' : isWithin(median, bar) ? 'ok' : 'MISSED'
    const count = values.length === runs.length ? '' : `of ${values.length} runs`
    const figure = `${median.toFixed(median < 10 ? 2 : 0).padStart(7)} ${unit.padEnd(4)}`
    return `${name.padEnd(width)}  ${figure} ${word.padEnd(8)} ${mark} ${count}`.trimEnd()
  })
  const loads = runs.map(({ load }) => load.toFixed(1)).join(', ')
  return [`${runs.length} run(s), load when they began: ${loads}`, ...lines].join('\n')
}

function isWithin(value: number, bar: string): boolean {
  return bar.startsWith('>') ? value >= Number(bar.slice(1)) : value <= Number(bar)
}
