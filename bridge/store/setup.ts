import type { Config } from '../config/config.ts'
import { EmbeddedHistory } from './embedded/history.ts'
import { InfluxHistory } from './influx/history.ts'
import type { History } from './store.ts'
import type { StoreSetup } from './writer-worker.ts'

/** InfluxDB when a URL is set, the embedded store otherwise. */
export function storeSetup({ settings, given }: Config, directory: string): StoreSetup {
  const { influx, retention } = settings
  if (influx.url !== undefined) {
    const { url, timeout, ...rest } = influx
    // A database may be older than Trestle: nothing of it is dropped unless somebody said so. A bucket's is its owner's.
    const isWished = given.has('retention.raw') && influx.token === undefined
    return { kind: 'influx', url, timeoutMs: timeout, retentionMs: isWished ? retention.raw : null, ...rest }
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
