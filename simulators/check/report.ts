/** What came of a run: for people as a table, for machines as one line of JSON. */

import type { LedgerView } from './api.ts'
import type { LatencySummary } from './latency.ts'

/** What a check found, in readings. */
export interface Findings {
  readonly sent: number
  readonly acknowledged: number
  readonly live: number
  readonly stored: number
  /** Delivered live more than once. */
  readonly seenTwice: number
  /** Field values that the live connection said it left out. */
  readonly skipped: number
  /** And readings. */
  readonly gaps: readonly string[]
  /** What changed in Trestle's account. */
  readonly ledger: LedgerView | null
  readonly latencyMs: Readonly<Record<'ack' | 'live' | 'stored', LatencySummary | null>>
  /** The first few of what is missing where. */
  readonly missing: Readonly<Record<'acknowledged' | 'live' | 'stored', readonly string[]>>
}

export interface Report {
  readonly scenario: string
  readonly seed: number
  readonly start: string
  readonly seconds: number
  readonly sent: number
  /** Null where nothing is acknowledged: QoS 0. */
  readonly acknowledged: number | null
  /** Null without a check. */
  readonly stored: number | null
  readonly live: number | null
  readonly ok: boolean
  /** Readings a second. */
  readonly rate: number
  readonly qos: 0 | 1 | 2
  readonly details: Readonly<Record<string, unknown>>
  readonly check?: Omit<Findings, 'sent' | 'acknowledged' | 'stored' | 'live'>
}

export interface Run {
  readonly scenario: string
  readonly seed: number
  readonly startMs: number
  readonly seconds: number
  readonly qos: 0 | 1 | 2
  readonly sent: number
  readonly acknowledged: number
  readonly details: Readonly<Record<string, unknown>>
}

export function reportOf(run: Run, findings: Findings | null): Report {
  const { scenario, seed, startMs, seconds, qos, sent } = run
  const acknowledged = qos === 0 ? null : run.acknowledged
  const isAcknowledged = acknowledged === null || acknowledged === sent
  const isFound = findings === null || (findings.stored === sent && findings.live === sent)
  const isBalanced = findings?.ledger?.balanced !== false
  const report = {
    scenario,
    seed,
    start: new Date(startMs).toISOString(),
    seconds: Math.round(seconds * 1000) / 1000,
    sent,
    acknowledged,
    stored: findings?.stored ?? null,
    live: findings?.live ?? null,
    ok: isAcknowledged && isFound && isBalanced,
    rate: Math.round(sent / seconds),
    qos,
    details: run.details,
  }
  if (findings === null) return report
  const { seenTwice, skipped, gaps, ledger, latencyMs, missing } = findings
  return { ...report, check: { seenTwice, skipped, gaps, ledger, latencyMs, missing } }
}

export function table(report: Report): string {
  const { check } = report
  const lines = [
    `${report.scenario}, seed ${report.seed}, from ${report.start}: ${report.seconds.toFixed(1)} s, ${count(report.rate)} readings/s`,
    '',
    row('sent', report.sent, ''),
    row('acknowledged', report.acknowledged, latencies(check?.latencyMs.ack)),
    row('stored', report.stored, latencies(check?.latencyMs.stored)),
    row('seen live', report.live, latencies(check?.latencyMs.live)),
  ]
  lines.push('', `  ${details(report.details)}`)
  for (const [place, missing] of Object.entries(check?.missing ?? {})) {
    if (missing.length > 0) lines.push(`  not ${place}: ${missing.join(', ')}, ...`)
  }
  if (check !== undefined && check.skipped > 0)
    lines.push(`  left out by the live connection: ${count(check.skipped)}`)
  for (const gap of check?.gaps ?? []) lines.push(`  gap in the live connection: ${gap}`)
  if (check?.ledger?.balanced === false)
    lines.push('  the account of Trestle does not balance (GET /api/ledger)')
  lines.push('', report.ok ? 'ok' : 'NOT OK')
  return lines.join('\n')
}

function row(name: string, value: number | null, rest: string): string {
  return `  ${name.padEnd(14)}${(value === null ? '-' : count(value)).padStart(12)}   ${rest}`.trimEnd()
}

/** What is not zero: `devices 100, connections 100, dashboards (open 5, readings 2,000)`. */
function details(values: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(values).flatMap(([name, value]) => {
    if (typeof value === 'number') return value === 0 ? [] : [`${name} ${count(value)}`]
    if (typeof value !== 'object' || value === null) return []
    const inner = details(value as Record<string, unknown>)
    return inner === '' ? [] : [`${name} (${inner})`]
  })
  return told.join(', ')
}

function latencies(summary: LatencySummary | null | undefined): string {
  if (!summary) return ''
  const { p50, p99, p999, max } = summary
  return `after ${ms(p50)} (half), ${ms(p99)} (99 %), ${ms(p999)} (99.9 %), ${ms(max)} (all)`
}

function ms(value: number): string {
  return value < 10
    ? `${value.toFixed(2)} ms`
    : value < 1000
      ? `${value.toFixed(0)} ms`
      : `${(value / 1000).toFixed(1)} s`
}

function count(value: number): string {
  return value.toLocaleString('en')
}
