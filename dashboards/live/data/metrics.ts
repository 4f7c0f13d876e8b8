/** The bridge's own counters, read from its Prometheus page. */

export type Metrics = ReadonlyMap<string, number>

/** Keys are as they stand there: `trestle_store_up`, `trestle_live_closed_total{reason="full"}`. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const space = line.lastIndexOf(' ')
    const value = Number(line.slice(space + 1))
    if (space > 0 && !Number.isNaN(value)) metrics.set(line.slice(0, space), value)
  }
  return metrics
}
