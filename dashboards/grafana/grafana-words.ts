/**
 * For the checks: what Grafana makes of a query before InfluxDB sees it, as its InfluxDB data source does it (InfluxQL,
 * `datasource.ts` and `query.go`). Nothing of Grafana runs here, so this is a copy of its rules and no proof of them.
 */

export interface Range {
  readonly fromMs: number
  readonly toMs: number
  readonly intervalMs: number
}

/** What is chosen: one value, several, or a text that stands for all and is taken as it is. */
export type Choice = string | readonly string[] | { readonly raw: string }

/** Throws for a variable that nobody defined: Grafana would leave it in, and InfluxDB complain or find nothing. */
export function interpolate(query: string, choices: Readonly<Record<string, Choice>>, range: Range): string {
  return withMacros(withVariables(query, choices), range)
}

/** `$timeFilter` and its kind. */
function withMacros(query: string, { fromMs, toMs, intervalMs }: Range): string {
  return query
    .replaceAll('$timeFilter', `time >= ${fromMs}ms and time <= ${toMs}ms`)
    .replaceAll('$__interval_ms', String(intervalMs))
    .replaceAll('$__interval', `${intervalMs}ms`)
}

const MACROS = new Set(['timeFilter', '__interval', '__interval_ms'])

/** The part that the browser does; the macros are for Grafana's server. */
export function withVariables(query: string, choices: Readonly<Record<string, Choice>>): string {
  return query.replace(
    /\$(\w+)|\$\{(\w+)(:regex)?\}/g,
    (whole, bare?: string, braced?: string, format?: string) => {
      const name = bare ?? braced ?? ''
      if (MACROS.has(name)) return whole
      const choice = choices[name]
      if (choice === undefined) throw new Error(`no variable ${whole} in: ${query}`)
      if (typeof choice === 'string') return format === undefined ? single(choice) : escapeRegex(choice)
      return 'raw' in choice ? choice.raw : `(${choice.map(escapeRegex).join('|')})`
    },
  )
}

/** Without `:regex`: what looks like a number to parseFloat goes in as it is. */
function single(value: string): string {
  return Number.isNaN(Number.parseFloat(value)) ? escapeRegex(value) : value
}

function escapeRegex(value: string): string {
  return value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&')
}
