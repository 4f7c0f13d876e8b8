import type { Settings } from '../config/schema.ts'
import { EmbeddedHistory } from './embedded/history.ts'
import { InfluxHistory } from './influx/history.ts'
import type { History } from './store.ts'
import type { StoreSetup } from './writer-worker.ts'

/** InfluxDB when a URL is set, the embedded store otherwise. */
export function storeSetup({ influx, retention }: Settings, directory: string): StoreSetup {
  if (influx.url !== undefined) {
    const { url, timeout, ...rest } = influx
    return { kind: 'influx', url, timeoutMs: timeout, ...rest }
  }
  return {
    kind: 'embedded',
    directory,
    retention: { rawMs: retention.raw, minuteMs: retention.minute, hourMs: retention.hour },
  }
}

export function openHistory(setup: StoreSetup): History {
  return setup.kind === 'embedded' ? new EmbeddedHistory(setup.directory) : new InfluxHistory(setup)
}
