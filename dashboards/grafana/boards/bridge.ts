/**
 * The bridge itself, from the figures that it writes beside the readings. They are those of `/metrics`, under the same
 * names: `docs/grafana.md` says why they come by InfluxDB, and how to switch them on.
 */

import {
  BytesIEC,
  CountsPerSecond,
  MessagesPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units'
import { choiceOfOne, dashboard } from '../board.ts'
import { chosen, course, type Fields, rate, summary, tagValues } from '../influxql.ts'
import { figure, type Looks, lines } from '../panels.ts'
import type { Query } from '../targets.ts'

/** How often the figures come, or more seldom: a finer interval would be full of holes. */
const EVERY = '10s'
const GOOD_IS_ONE: Looks['steps'] = [
  { color: 'red', value: null },
  { color: 'green', value: 1 },
]
const GOOD_IS_NONE: Looks['steps'] = [
  { color: 'green', value: null },
  { color: 'red', value: 1 },
]

export const bridge = dashboard({
  uid: 'trestle-bridge',
  title: 'Trestle: bridge',
  description:
    'Whether the bridge is well: its account of messages, its backlog, its clients. Needs `influx.selfMetrics`.',
  variables: [choiceOfOne('node', 'Node', tagValues('trestle', 'node'))],
  rows: [
    {
      panels: [
        now(
          {
            title: 'Store',
            description:
              '1: it took the last batch. 0: it is away; readings wait on the disk, nothing is lost.',
            steps: GOOD_IS_ONE,
          },
          'store_up',
        ),
        now(
          {
            title: 'Account',
            description:
              '1: received = stored + waiting + quarantined + ignored + dropped. Anything else is a bug.',
            steps: GOOD_IS_ONE,
          },
          'ledger_balanced',
        ),
        now(
          {
            title: 'Dropped',
            description: 'Lost or refused for good, since the data directory was made.',
            steps: GOOD_IS_NONE,
          },
          'messages_dropped_total',
        ),
        now(
          {
            title: 'Quarantined',
            description: 'Acknowledged, but not understood. `/api/quarantine` says why.',
          },
          'messages_quarantined',
        ),
        now({ title: 'MQTT clients' }, 'mqtt_clients'),
        now({ title: 'Up for', unit: Seconds }, 'process_uptime_seconds'),
      ],
    },
    {
      title: 'Messages',
      panels: [
        lines(
          { title: 'Messages', unit: MessagesPerSecond, interval: EVERY },
          growth('messages_received_total', 'received'),
          growth('messages_stored_total', 'stored'),
        ),
        lines(
          {
            title: 'Waiting for the store',
            description:
              'Messages on the disk that the store does not have yet. It grows while the store is away, and falls when it is back.',
            unit: Short,
            interval: EVERY,
          },
          level('messages_waiting', 'messages'),
        ),
        lines(
          { title: 'Ignored, by reason', unit: MessagesPerSecond, interval: EVERY },
          growths('messages_ignored_total'),
        ),
        lines(
          { title: 'Dropped, by reason', unit: MessagesPerSecond, interval: EVERY },
          growths('messages_dropped_total'),
        ),
      ],
    },
    {
      title: 'Spool and store',
      panels: [
        lines(
          {
            title: 'Spool',
            description: 'At `spool.maxBytes` devices are not acknowledged any more.',
            unit: BytesIEC,
            interval: EVERY,
          },
          level('spool_waiting_bytes', 'waiting'),
        ),
        lines(
          { title: 'Lines to the store', unit: CountsPerSecond, interval: EVERY },
          growth('store_lines_total', 'lines'),
          growth('store_batches_total', 'batches'),
        ),
      ],
    },
    {
      title: 'Clients',
      panels: [
        lines(
          { title: 'Connected', unit: Short, interval: EVERY },
          level('mqtt_clients', 'MQTT'),
          level('live_connections', 'live'),
        ),
        lines(
          {
            title: 'Live readings',
            description:
              'Skipped: values left out for clients that were slow or wanted fewer. They were told.',
            unit: CountsPerSecond,
            interval: EVERY,
          },
          growth('live_deliveries_total', 'delivered'),
          growth('live_skipped_total', 'skipped'),
        ),
      ],
    },
    {
      title: 'Process',
      panels: [
        lines(
          { title: 'Memory', unit: BytesIEC, width: 8, interval: EVERY },
          level('process_resident_memory_bytes', 'resident'),
        ),
        lines(
          { title: 'Event loop lag, 99th percentile', unit: Seconds, width: 8, interval: EVERY },
          level('nodejs_eventloop_lag_p99_seconds', 'lag'),
        ),
        lines(
          {
            title: 'Oddities of devices',
            description:
              'Values of another type than their field, kept as text beside it; times that were not believed.',
            unit: CountsPerSecond,
            width: 8,
            interval: EVERY,
          },
          growth('type_conflicts_total', 'types'),
          growth('old_times_total', 'times'),
        ),
      ],
    },
  ],
})

function now(looks: Looks, field: string) {
  return figure(looks, { text: summary({ ...of({ name: field }), by: 'last' }) })
}

function level(field: string, alias: string): Query {
  return { text: course({ ...of({ name: field }), by: 'max' }), alias }
}

function growth(field: string, alias: string): Query {
  return { text: rate({ ...of({ name: field }), by: 'last' }), alias }
}

/** A line for each kind: the fields `<name>.<kind>`. */
function growths(name: string): Query {
  return { text: rate({ ...of({ pattern: `^${name}\\.` }), by: 'last' }), alias: '$col' }
}

function of(fields: Fields) {
  return { from: 'trestle', fields, where: [chosen('node')] } as const
}
