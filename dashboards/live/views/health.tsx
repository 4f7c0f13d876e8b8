/** Whether the bridge is well: every message accounted for, what flows, what waits, what was lost and why. */

import { useEffect } from 'preact/hooks'
import { brokerAddress } from '../data/broker-address.ts'
import { serverNow } from '../data/clock.ts'
import { ledger, metrics, readiness, samples, watchHealth } from '../data/health.ts'
import type { Metrics } from '../data/metrics.ts'
import type { Samples } from '../data/samples.ts'
import { AreaChart } from '../parts/area-chart.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { StateMark } from '../parts/mark.tsx'
import { clockMinutes, formatAge, formatBytes, formatNumber } from '../words/format.ts'
import { reasonWords } from '../words/message.ts'
import { EventLog } from './event-log.tsx'
import { LedgerBeam } from './ledger-beam.tsx'

export function HealthView() {
  useEffect(watchHealth, [])
  const account = ledger.value
  return (
    <div class="view health">
      <div class="head">
        <h1 tabIndex={-1}>Health</h1>
        <p class="quiet">
          {!account
            ? 'Loading the account.'
            : account.balanced
              ? 'Every message received is accounted for.'
              : 'The account does not add up.'}
        </p>
        <div class="end">
          <LiveChip />
        </div>
      </div>
      {account && (
        <>
          <PartStates />
          <LedgerBeam account={account} />
          <div class="health-charts">
            <Flow />
            <Delay />
            <Backlog />
            <div class="health-tables">
              <Losses dropped={account.dropped} />
              <Clients />
            </div>
          </div>
          <EventLog />
        </>
      )}
    </div>
  )
}

function PartStates() {
  const ready = readiness.value
  const numbers = metrics.value
  const store = ready?.store
  const isDiskWell = ready?.ready !== false
  return (
    <ul class="parts">
      <li>
        <StateMark state="reporting" isSilent />
        <strong>Broker</strong> {upWords(numbers)}
      </li>
      <li>
        <StateMark state={isDiskWell ? 'reporting' : 'alarm'} isSilent />
        <strong>Disk</strong> {isDiskWell ? 'takes every message' : (ready?.reason ?? 'not taking messages')}
      </li>
      <li>
        <StateMark state={store?.ok === false ? 'late' : 'reporting'} isSilent />
        <strong>Store</strong>{' '}
        {store?.ok === false
          ? `away${store.since ? ` since ${clockMinutes(store.since)}` : ''}; messages wait on disk, nothing is lost`
          : 'keeps up'}
      </li>
    </ul>
  )
}

function upWords(numbers: Metrics | null): string {
  const { port, isTold } = brokerAddress.value
  const started = numbers?.get('process_start_time_seconds')
  const up = started === undefined ? null : `up ${formatAge(serverNow() - started * 1000)}`
  return [isTold && port !== null ? `port ${port}` : null, up].filter(part => part !== null).join(', ')
}

const last = (column: Float64Array, { length }: Samples) => column[length - 1] ?? 0
const rate = (value: number) => formatNumber(value, value < 10 ? 1 : 0)

function Flow() {
  return (
    <AreaChart
      title="Messages per second"
      least={1}
      areas={[{ values: samples.received, color: 'series-1' }]}
      summary={() => (
        <>
          <b>{rate(last(samples.received, samples))}</b> in · <b>{rate(last(samples.stored, samples))}</b>{' '}
          stored
        </>
      )}
    />
  )
}

/** What the bridge itself takes; the way to a page comes on top. */
function Delay() {
  const [half, nearlyAll] = [last(samples.halfDelay, samples), last(samples.nearlyAllDelay, samples)]
  return (
    <AreaChart
      title="Arrival to live pages"
      unit=" ms"
      least={1}
      areas={[
        { values: samples.nearlyAllDelay, color: 'spark' },
        { values: samples.halfDelay, color: 'series-1' },
      ]}
      summary={() =>
        Number.isNaN(half) || samples.length === 0 ? (
          'nothing went out lately'
        ) : (
          <>
            half within <b>{milliseconds(half)}</b>, 99 % within <b>{milliseconds(nearlyAll)}</b>
          </>
        )
      }
    />
  )
}

function milliseconds(ms: number): string {
  return `${formatNumber(ms, ms < 1 ? 2 : ms < 10 ? 1 : 0)}\u00a0ms`
}

function Backlog() {
  return (
    <AreaChart
      title="Waiting for the store"
      least={10}
      areas={[{ values: samples.waiting, color: 'series-6' }]}
      summary={() => {
        const bytes = metrics.value?.get('trestle_spool_waiting_bytes')
        return (
          <>
            <b>{formatNumber(last(samples.waiting, samples), 0)}</b>{' '}
            {last(samples.waiting, samples) === 1 ? 'message' : 'messages'}
            {bytes !== undefined && `, ${formatBytes(bytes)} on disk`}
          </>
        )
      }}
    />
  )
}

function Losses({ dropped }: { dropped: Readonly<Record<string, number>> }) {
  const rows = Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
  const most = rows[0]?.[1] ?? 1
  return (
    <section>
      <h2>Dropped, by reason</h2>
      {rows.length === 0 ? (
        <p class="quiet nothing-lost">Nothing was dropped.</p>
      ) : (
        <table class="bars">
          <tbody>
            {rows.map(([reason, count]) => (
              <tr key={reason}>
                <th scope="row">{reasonWords(reason)}</th>
                <td aria-hidden="true">
                  <i style={{ width: `${Math.max(2, (count / most) * 100)}%` }} />
                </td>
                <td class="number">{formatNumber(count, 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}

const CLIENT_ROWS = [
  ['trestle_mqtt_clients', 'MQTT clients'],
  ['trestle_live_connections', 'Live pages'],
  ['trestle_live_deliveries_total', 'Readings sent to pages'],
  ['trestle_live_skipped_total', 'Values thinned out for pages'],
  ['trestle_type_conflicts_total', 'Values of another type than before'],
] as const

function Clients() {
  const numbers = metrics.value
  return (
    <section>
      <h2>Clients</h2>
      <dl class="counts">
        {CLIENT_ROWS.map(([name, label]) => {
          const value = numbers?.get(name)
          return (
            <div key={name}>
              <dt>{label}</dt>
              <dd>{value === undefined ? '–' : formatNumber(value, 0)}</dd>
            </div>
          )
        })}
      </dl>
    </section>
  )
}
