/** One device: its fields on one time axis, live and back in time, and what it is. */

import { useEffect, useMemo } from 'preact/hooks'
import { fieldsByDefault, isChartable, lanesOf } from '../chart/lanes.ts'
import { arrange } from '../data/arrange.ts'
import { connection, isLoaded } from '../data/connection.ts'
import { type Device, devices, type Field, layoutVersion, wasForgotten } from '../data/fleet.ts'
import { addKeys } from '../keyboard.ts'
import { BackIcon } from '../parts/icons.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { formatRoute, go, route, setParams } from '../route.ts'
import { Commands } from './commands.tsx'
import { DeviceAbout } from './device-about.tsx'
import { DeviceChart } from './device-chart.tsx'
import { FieldNotes, StateChip } from './device-values.tsx'

export function DeviceView({ id }: { id: string }) {
  const version = layoutVersion.value
  const device = devices.get(id)
  if (!device) return <UnknownDevice id={id} />
  return <KnownDevice key={`${id} ${device.knownSinceMs}`} device={device} version={version} />
}

function UnknownDevice({ id }: { id: string }) {
  return (
    <div class="view">
      <Crumbs room="" />
      <h1 tabIndex={-1}>{id}</h1>
      <p class="nothing">
        {wasForgotten(id)
          ? 'This device was taken out of the fleet. What is stored of it stays; it appears here again with its next message.'
          : isLoaded.value
            ? 'The bridge knows no device of this name. It appears here with its next message.'
            : 'Loading.'}
      </p>
    </div>
  )
}

function KnownDevice({ device, version }: { device: Device; version: number }) {
  const { params } = route.value
  const [previous, next] = useMemo(() => neighbours(device), [device, version])
  const { charted, aside } = useMemo(
    () => chosenFields(device, params.fields),
    [device, version, params.fields],
  )
  const lanes = useMemo(() => lanesOf(charted), [charted])
  useEffect(
    () =>
      addKeys(key => {
        const to =
          key === 'j' || key === 'ArrowDown' ? next : key === 'k' || key === 'ArrowUp' ? previous : null
        if (to && key.length === 1) go('device', to.id, keptParams(params))
        else if (key === 'Escape') params.from ? setParams({ from: '', to: '' }) : go('fleet')
        else return false
        return true
      }),
    [previous, next, params],
  )
  return (
    <div class={`view device ${connection.value.kind === 'away' ? 'is-away' : ''}`}>
      <div class="crumb-line">
        <Crumbs room={device.room} />
        <nav class="steps-line" aria-label="Devices">
          {previous && (
            <a href={formatRoute('device', previous.id, keptParams(params))} title={previous.name}>
              Previous <span class="key">K</span>
            </a>
          )}
          {next && (
            <a href={formatRoute('device', next.id, keptParams(params))} title={next.name}>
              Next <span class="key">J</span>
            </a>
          )}
        </nav>
      </div>
      <div class="head">
        <h1 tabIndex={-1}>{device.name}</h1>
        {device.model !== '' && <p class="quiet">{device.model}</p>}
        <StateChip device={device} />
        <div class="end">
          <LiveChip />
        </div>
      </div>
      <div class="device-columns">
        <div class="device-main">
          <DeviceChart
            device={device}
            charted={charted}
            lanes={lanes}
            all={device.ranked.filter(isChartable)}
          />
          {aside.length > 0 && <FieldNotes device={device} fields={aside} />}
        </div>
        <DeviceAbout device={device}>
          <Commands device={device} />
        </DeviceAbout>
      </div>
    </div>
  )
}

function Crumbs({ room }: { room: string }) {
  return (
    <nav class="crumbs" aria-label="Where this is">
      <a href="#/fleet">
        <BackIcon /> Fleet
      </a>
      {room !== '' && (
        <>
          <span aria-hidden="true">/</span>
          <a href={formatRoute('fleet', '', { q: room })}>{room}</a>
        </>
      )}
    </nav>
  )
}

/** In the order of the fleet by room, whatever order the fleet has now. */
function neighbours(device: Device): readonly [Device | undefined, Device | undefined] {
  const groups = arrange(devices.values(), { search: '', kind: 'all', order: 'room' })
  const all = groups.flatMap(group => group.devices)
  const at = all.indexOf(device)
  return [all[at - 1], all[at + 1]]
}

/** The range goes along from device to device; fields and a zoom do not. */
function keptParams(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { range: params.range ?? '' }
}

function chosenFields(
  device: Device,
  named: string | undefined,
): { charted: readonly Field[]; aside: readonly Field[] } {
  const charted =
    named === undefined
      ? fieldsByDefault(device.ranked)
      : device.ranked.filter(field => isChartable(field) && named.split(',').includes(field.name))
  return { charted, aside: device.ranked.filter(field => field.value !== null && !charted.includes(field)) }
}
