/**
 * Size and report of the long runs. RELIABILITY_SHARE=0.1 runs a tenth of everything. RELIABILITY_REPORT=<path> appends
 * the figures to a Markdown file, a section for each test file; docs/reliability.md quotes them.
 */

import { appendFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import type { StoryReport } from './story.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)

/** As many of it as this run's share is, at least one. */
export function times(count: number): number {
  return Math.max(1, Math.round(count * SHARE))
}

/** The end of the test's own bounds: on a slow machine a part ends early, and says how far it came. */
export const LONG_MS = 3_600_000

export class Report {
  readonly #title: string
  readonly #rows: (readonly [what: string, figures: string])[] = []
  #startedMs = performance.now()

  constructor(title: string) {
    this.#title = title
  }

  /** With the time since the row before. */
  row(what: string, figures: string): void {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000)
    this.#startedMs = performance.now()
    this.#rows.push([what, `${figures} (${seconds} s)`])
    console.info(`  ${what}: ${figures} (${seconds} s)`)
  }

  story(what: string, { sent, acknowledged, stored, lost, duplicates, ledger }: StoryReport): void {
    const account = ledger.balanced ? 'account balanced' : 'account NOT BALANCED'
    this.row(
      what,
      `${sent} sent, ${acknowledged} acknowledged, ${stored} stored, ${lost} lost, ${duplicates} twice, ${account}`,
    )
  }

  /** After the last row. */
  write(): void {
    const path = process.env.RELIABILITY_REPORT
    if (path === undefined || path === '') return
    const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, load ${loadavg()
      .map(load => load.toFixed(1))
      .join(' ')}`
    const head = [
      `## ${this.#title}`,
      '',
      `${new Date().toISOString()}, share ${SHARE}, Node ${process.version}, ${machine}`,
      '',
      '| | |',
      '|---|---|',
    ]
    const rows = this.#rows.map(([what, figures]) => `| ${what} | ${figures} |`)
    appendFileSync(path, `${[...head, ...rows].join('\n')}\n\n`)
  }
}

export const NOTHING_LOST = { lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } }

export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}
