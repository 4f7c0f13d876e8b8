/** Which figure is read where. The names are part of the interface; `docs/metrics.md` explains them. */

import type { Catalog } from './catalog/catalog.ts'
import type { Commands } from './command/commands.ts'
import type { HttpStats } from './http/app.ts'
import type { Identities } from './identity/identities.ts'
import type { Ledger } from './ledger.ts'
import type { Relay } from './live/relay.ts'
import type { MetricSource } from './metrics.ts'
import type { Mqtt } from './mqtt.ts'
import type { Spool } from './spool/spool.ts'
import type { WriterThread } from './store/writer-thread.ts'
import type { ServedCertificate } from './tls/served-certificate.ts'

export interface MetricParts {
  readonly ledger: () => Ledger
  readonly spool: Spool
  readonly writer: WriterThread
  readonly relay: Relay
  readonly mqtt: Mqtt
  readonly identities: Pick<Identities, 'counts' | 'rememberedLogouts' | 'mergedLogouts' | 'stats'>
  readonly catalog: Catalog
  /** Null: no TLS. */
  readonly tls: ServedCertificate | null
  readonly http: HttpStats
  readonly commands: Commands
}

export function metricSources(parts: MetricParts): MetricSource[] {
  const { ledger, spool, writer, relay, mqtt, identities, catalog, tls, http, commands } = parts
  return [
    {
      name: 'messages_received_total',
      help: 'Messages taken in since the data directory was made',
      read: () => ledger().received,
    },
    { name: 'messages_stored_total', help: 'Messages committed to the store', read: () => ledger().stored },
    {
      name: 'messages_waiting',
      help: 'Messages on disk that the store does not have yet',
      read: () => ledger().waiting,
    },
    { name: 'messages_quarantined', help: 'Messages in the quarantine', read: () => ledger().quarantined },
    {
      name: 'messages_ignored_total',
      help: 'Messages without readings, by reason',
      label: 'reason',
      read: () => ledger().ignored,
    },
    {
      name: 'messages_dropped_total',
      help: 'Messages lost or refused for good, by reason',
      label: 'reason',
      read: () => ledger().dropped,
    },
    {
      name: 'ledger_balanced',
      help: '1: received = stored + waiting + quarantined + ignored + dropped',
      read: () => Number(ledger().balanced),
    },

    ...mqtt.metrics,

    { name: 'identity_devices', help: 'Devices known', read: () => identities.counts.devices },
    { name: 'identity_users', help: 'People known', read: () => identities.counts.users },
    {
      name: 'logins_failed_total',
      help: 'Logins with a wrong name or secret, by MQTT and HTTP',
      read: () => identities.stats.loginsFailed,
    },
    {
      name: 'logins_limited_total',
      help: 'Logins not looked at because too many of their address had failed',
      read: () => identities.stats.loginsLimited,
    },
    {
      name: 'logins_busy_total',
      help: 'Logins not looked at because too many waited',
      read: () => identities.stats.loginsBusy,
    },
    {
      name: 'logouts_remembered',
      help: 'Logouts remembered, those of one person that were merged as one',
      read: () => identities.rememberedLogouts,
    },
    {
      name: 'logouts_merged_total',
      help: 'Logouts not remembered one by one any more because their person has too many (http.maxLogouts)',
      read: () => identities.mergedLogouts,
    },
    ...(tls?.metrics ?? []),

    { name: 'spool_blocks_total', help: 'Blocks written to the spool', read: () => spool.stats.blocks },
    { name: 'spool_bytes_total', help: 'Bytes written to the spool', read: () => spool.stats.bytes },
    {
      name: 'spool_waiting_bytes',
      help: 'Bytes of segments that the store has not wholly taken',
      read: () => spool.waitingBytes,
    },
    {
      name: 'spool_failures_total',
      help: 'Failed attempts to write the spool',
      read: () => spool.stats.failures,
    },
    {
      name: 'spool_refused_total',
      help: 'Messages not acknowledged because the spool did not take them',
      read: () => spool.stats.refused,
    },
    {
      name: 'spool_pending_messages',
      help: 'Messages in memory on their way to the disk',
      read: () => spool.pendingMessages,
    },
    {
      name: 'spool_kept_bytes',
      help: 'Bytes of delivered segments, kept for a store that is restored from a backup',
      read: () => spool.keptBytes,
    },
    {
      name: 'spool_overflows_total',
      help: 'Times that the oldest segment was given up for new messages (drop-oldest)',
      read: () => spool.stats.overflows,
    },
    {
      name: 'spool_damages_total',
      help: 'Stretches of damage stepped over while reading',
      read: () => writer.stats.damages,
    },
    {
      name: 'writer_disk_troubles_total',
      help: 'Failed attempts to write the quarantine or the position, or to read the spool',
      read: () => writer.stats.diskTroubles,
    },
    {
      name: 'store_overtakes_total',
      help: 'Times that fresh readings began to overtake a backlog',
      read: () => writer.progress.overtakes,
    },
    {
      name: 'spool_cut_bytes_total',
      help: 'Bytes cut from torn tails at start',
      read: () => spool.stats.cutBytes,
    },
    {
      name: 'spool_damaged_bytes_total',
      help: 'Bytes of damaged segments stepped over at start',
      read: () => spool.stats.damagedBytes,
    },
    {
      name: 'devices',
      help: 'Devices known, by readings or by discovery (limits.devices)',
      read: () => catalog.stats.counts.devices,
    },
    {
      name: 'series',
      help: 'Their fields, each once for every topic that it comes by (limits.series)',
      read: () => catalog.stats.counts.series,
    },
    {
      name: 'limits_refused_total',
      help: 'New devices and fields that there was no room for, by reason',
      label: 'reason',
      read: () => catalog.stats.refused,
    },
    {
      name: 'forgotten_devices_evicted_total',
      help: 'Forgotten devices beyond limits.devices: what is stored of the oldest shows them again after a restart',
      read: () => catalog.stats.forgottenEvicted,
    },
    {
      name: 'field_types_dropped_total',
      help: 'With InfluxDB, types beyond limits.series of fields that no device has any more, after one was forgotten',
      read: () => catalog.stats.typesDropped,
    },
    {
      name: 'old_times_total',
      help: 'Device times older than time.maxAge, replaced by the arrival time',
      read: () => catalog.stats.oldTimes,
    },
    {
      name: 'type_conflicts_total',
      help: 'Values stored as text beside a field of another type',
      read: () => catalog.stats.typeConflicts,
    },

    {
      name: 'store_up',
      help: '1: the store took the last batch',
      read: () => Number(writer.trouble === null),
    },
    { name: 'store_lines_total', help: 'Lines given to the store', read: () => writer.progress.lines },
    { name: 'store_batches_total', help: 'Batches given to the store', read: () => writer.progress.batches },

    {
      name: 'commands_total',
      help: 'Commands to devices, by result',
      label: 'result',
      read: () => commands.stats,
    },
    {
      name: 'commands_answered_total',
      help: 'Commands to which the device said something in time',
      read: () => commands.answers.stats.answered,
    },

    {
      name: 'http_problems_total',
      help: 'Requests answered by a problem, by its code',
      label: 'code',
      read: () => http.problems,
    },
    {
      name: 'http_connections_refused_total',
      help: 'Connections to the HTTP port turned away because there were too many (http.maxConnections)',
      read: () => http.connectionsRefused,
    },
    { name: 'live_connections', help: 'Live clients connected', read: () => relay.stats.connections },
    {
      name: 'live_refused_total',
      help: 'Live clients not let in, by reason',
      label: 'reason',
      read: () => relay.stats.refused,
    },
    {
      name: 'live_errors_total',
      help: 'Errors told to live clients, by code',
      label: 'code',
      read: () => relay.stats.errors,
    },
    {
      name: 'live_delay_p50_seconds',
      help: 'How long half of the readings were here, at the most, before they went out to live clients, in the last seconds',
      read: () => relay.readings.delays.quantile(0.5, performance.now()) / 1000,
    },
    {
      name: 'live_delay_p99_seconds',
      help: 'The same of 99 in 100',
      read: () => relay.readings.delays.quantile(0.99, performance.now()) / 1000,
    },
    {
      name: 'live_deliveries_total',
      help: 'Readings times the live clients they were sent to',
      read: () => relay.stats.deliveries,
    },
    { name: 'live_frames_total', help: 'Frames sent to live clients', read: () => relay.stats.frames },
    { name: 'live_bytes_total', help: 'Bytes sent to live clients', read: () => relay.stats.bytes },
    {
      name: 'live_skipped_total',
      help: 'Field values left out for live clients that were slow or wanted fewer',
      read: () => relay.stats.skipped,
    },
    { name: 'live_gaps_total', help: 'Gaps told to live clients', read: () => relay.stats.gaps },
    {
      name: 'live_closed_total',
      help: 'Live clients closed by us, by reason',
      label: 'reason',
      read: () => relay.stats.closed,
    },
  ]
}
