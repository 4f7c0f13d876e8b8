/**
 * The alert rules, as people would say them. Rules cannot use a dashboard's variables: they name the data source by
 * its fixed uid, and ask for one series a device, because a rule tells its series apart by their tags alone.
 */

import type { Uid } from './board.ts'
import { course, noneOf, standing, summary } from './influxql.ts'
import { QUANTITIES, type Quantity } from './quantities.ts'

export interface Alert {
  /** Stays for ever: Grafana keeps the rule's state under it. */
  readonly uid: string
  readonly title: string
  /** What a person reads on the phone; Go templates, without `$`, which the provisioning would take for a variable. */
  readonly summary: string
  readonly query: string
  /** How far back the query looks. */
  readonly withinS: number
  /** Of what the query gives, which value counts. */
  readonly reduce: 'last' | 'max' | 'min'
  readonly when:
    | { readonly is: 'gt' | 'lt'; readonly than: number }
    | { readonly is: 'outside_range' | 'within_range'; readonly low: number; readonly high: number }
  /** So long without a break. */
  readonly for: string
  /** What no data means: nothing, or that something is wrong. */
  readonly silence: 'OK' | 'Alerting'
  readonly severity: 'warning' | 'critical'
  readonly dashboard: Uid
}

/** `available` is 1, 0, or -1 while neither the word nor the rhythm of a device tells. */
const IS_GONE = { is: 'within_range', low: -0.5, high: 0.5 } as const
const NOBODY_KNOWS = { field: 'available', is: '< 0' } as const
/** What is quiet for longer is worth a look; battery-driven sensors speak at least once an hour. */
const SILENT_AFTER_S = 2 * 3600
/** Rooms where frost and damp are weather. */
const OUTDOORS = ['garden', 'outside', 'outdoors', 'balcony', 'terrace']
/** A healthy bridge has a handful; this many is a store that is away or too slow. */
const BACKLOG_MESSAGES = 10_000

export const ALERTS: readonly Alert[] = [
  {
    uid: 'trestle-device-gone',
    title: 'Device gone',
    summary:
      '{{ .Labels.name }} is gone: it, its gateway or its last will said so, or it is silent for longer than it declares or usually is.',
    query: summary({ from: 'trestle_device', fields: { name: 'available' }, by: 'last', per: ['name'] }),
    withinS: 300,
    reduce: 'last',
    when: IS_GONE,
    // It was waited for its usual rhythm already.
    for: '0s',
    silence: 'OK',
    severity: 'warning',
    dashboard: 'trestle-fleet',
  },
  {
    uid: 'trestle-device-silent',
    title: 'Device silent',
    summary: `{{ .Labels.name }}, whose rhythm is not known, has not been heard for more than ${SILENT_AFTER_S / 3600} hours.`,
    query: standing({ from: 'trestle_device', field: 'silent_s', while: NOBODY_KNOWS, per: 'name' }),
    withinS: 300,
    reduce: 'last',
    when: { is: 'gt', than: SILENT_AFTER_S },
    for: '5m',
    silence: 'OK',
    severity: 'warning',
    dashboard: 'trestle-fleet',
  },
  outOfRange(QUANTITIES.temperature, 5, 35, '10m', 'critical'),
  outOfRange(QUANTITIES.humidity, 20, 75, '1h', 'warning'),
  outOfRange(QUANTITIES.co2, 0, 2000, '15m', 'warning'),
  {
    uid: 'trestle-battery-low',
    title: 'Battery low',
    summary: 'The battery of {{ .Labels.device }} is nearly empty.',
    query: summary({
      from: 'reading',
      fields: { name: QUANTITIES.battery.field },
      by: 'last',
      per: ['device'],
    }),
    withinS: 24 * 3600,
    reduce: 'last',
    when: { is: 'lt', than: 15 },
    for: '1h',
    silence: 'OK',
    severity: 'warning',
    dashboard: 'trestle-fleet',
  },
  {
    uid: 'trestle-bridge-silent',
    title: 'Bridge silent',
    summary:
      'The bridge has written no figures of its own for five minutes: it is down, or its store is away.',
    query: summary({ from: 'trestle', fields: { name: 'process_uptime_seconds' }, by: 'count' }),
    withinS: 300,
    reduce: 'last',
    when: { is: 'lt', than: 1 },
    for: '1m',
    silence: 'Alerting',
    severity: 'critical',
    dashboard: 'trestle-bridge',
  },
  {
    uid: 'trestle-bridge-backlog',
    title: 'Bridge backlog',
    summary:
      'Node {{ .Labels.node }} has many messages waiting for the store. They are safe on the disk, up to spool.maxBytes.',
    query: bridgeFigure('messages_waiting'),
    withinS: 600,
    reduce: 'min',
    when: { is: 'gt', than: BACKLOG_MESSAGES },
    for: '5m',
    silence: 'OK',
    severity: 'warning',
    dashboard: 'trestle-bridge',
  },
  {
    uid: 'trestle-bridge-refusing',
    title: 'Bridge refuses messages',
    summary:
      'Node {{ .Labels.node }} does not acknowledge messages: its disk fails or its spool is full. Devices keep what they can.',
    query: summary({
      from: 'trestle',
      fields: { name: 'spool_refused_total' },
      by: 'spread',
      per: ['node'],
    }),
    withinS: 600,
    reduce: 'last',
    when: { is: 'gt', than: 0 },
    for: '0s',
    silence: 'OK',
    severity: 'critical',
    dashboard: 'trestle-bridge',
  },
  {
    uid: 'trestle-bridge-account',
    title: 'Bridge account does not balance',
    summary: 'The account of node {{ .Labels.node }} does not balance: please report it, with /api/ledger.',
    query: bridgeFigure('ledger_balanced'),
    withinS: 600,
    reduce: 'max',
    when: { is: 'lt', than: 1 },
    for: '5m',
    silence: 'OK',
    severity: 'critical',
    dashboard: 'trestle-bridge',
  },
]

/** Indoors, by the plain name of the quantity: one series a device. */
function outOfRange(
  { title, field, unit }: Quantity,
  low: number,
  high: number,
  forTime: string,
  severity: Alert['severity'],
): Alert {
  return {
    uid: `trestle-${field}-range`,
    title: `${title} out of range`,
    summary: `${title} at {{ .Labels.device }} is not between ${low} and ${high}${unit === undefined ? '' : ` ${unit}`}.`,
    query: course({
      from: 'reading',
      fields: { name: field },
      by: 'mean',
      where: [noneOf('room', OUTDOORS)],
      per: ['device'],
    }),
    withinS: 900,
    reduce: 'last',
    when: { is: 'outside_range', low, high },
    for: forTime,
    silence: 'OK',
    severity,
    dashboard: 'trestle-room',
  }
}

function bridgeFigure(name: string): string {
  return course({ from: 'trestle', fields: { name }, by: 'last', per: ['node'] })
}
