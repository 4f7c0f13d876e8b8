/** Prometheus metrics. Each is read from the part that owns it when somebody asks: nothing is counted twice. */

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

export interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** A figure with a label for each of its kinds, or one without. */
export type Reading = number | Readonly<Record<string, number>>

export interface MetricSource {
  /** Without the prefix; counters end in `_total`. */
  readonly name: string
  readonly help: string
  /** Name of the label when `read` gives a record. */
  readonly label?: string
  readonly read: () => Reading
}

const PREFIX = 'trestle_'

export function createMetrics(sources: readonly MetricSource[]): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const source of sources) register(registry, source)
  return { contentType: registry.contentType, text: () => registry.metrics() }
}

function register(registry: Registry, { name, help, label, read }: MetricSource): void {
  const labelNames = label === undefined ? [] : [label]
  const common = { name: PREFIX + name, help, labelNames, registers: [registry] }
  if (name.endsWith('_total')) {
    new Counter({
      ...common,
      collect() {
        this.reset()
        forEach(read(), label, (labels, value) => this.inc(labels, value))
      },
    })
  } else {
    new Gauge({
      ...common,
      collect() {
        this.reset()
        forEach(read(), label, (labels, value) => this.set(labels, value))
      },
    })
  }
}

function forEach(
  reading: Reading,
  label: string | undefined,
  visit: (labels: Record<string, string>, value: number) => void,
): void {
  if (typeof reading === 'number') {
    visit({}, reading)
    return
  }
  for (const [kind, value] of Object.entries(reading)) visit({ [label ?? 'kind']: kind }, value)
}
