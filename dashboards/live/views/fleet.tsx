/** Every device on one sheet of paper, by room. */

import { useComputed } from '@preact/signals'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { arrange, type Group, type KindFilter, type Order } from '../data/arrange.ts'
import { connection, isLoaded, lastGoodMs } from '../data/connection.ts'
import { counts, devices, layoutVersion } from '../data/fleet.ts'
import { refreshStrips, setStripRange, stripRange } from '../data/strips.ts'
import { defaultRange } from '../data/young.ts'
import { PlusIcon } from '../parts/icons.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { Segments } from '../parts/segments.tsx'
import { rangeOf, route, setParams } from '../route.ts'
import { clockSeconds, plural } from '../words/format.ts'
import { Connect } from './connect.tsx'
import { type ColumnGroup, columnsOf } from './fleet-columns.ts'
import { followPointer } from './fleet-crosshair.ts'
import {
  columnCount,
  type Density,
  densityFor,
  followViewport,
  isPhone,
  type Sizes,
  sizesFor,
  viewport,
} from './fleet-layout.ts'
import { FleetMap } from './fleet-map.tsx'
import { FleetRow } from './fleet-row.tsx'
import { Attention, FleetTools } from './fleet-tools.tsx'
import { type Window, windowsOf } from './fleet-window.ts'
import { GridLines, Ruler } from './paper.tsx'
import { RoomHead } from './room-head.tsx'

const DENSITIES = [
  { key: 'rows', label: 'Rows' },
  { key: 'dense', label: 'Dense' },
]

export function FleetView() {
  const hasDevices = useComputed(() => layoutVersion.value > 0 && devices.size > 0)
  if (!hasDevices.value) return isLoaded.value ? <Connect isFirst /> : <Waiting />
  return <FleetList />
}

/** The first moments: the empty paper, nothing that shimmers. */
function Waiting() {
  return (
    <div class="view">
      <div class="head">
        <h1>Fleet</h1>
        <p class="quiet">Loading the last values.</p>
      </div>
    </div>
  )
}

function FleetList() {
  const { params } = route.value
  const range = rangeOf(params, defaultRange.value)
  const search = params.q ?? ''
  const kind = (params.kind ?? 'all') as KindFilter
  const order = (params.sort ?? 'room') as Order
  const isAway = connection.value.kind === 'away'
  // A filter by state follows the states; all other lists keep their places until something is done.
  const stateVersion = kind === 'attention' ? counts.value : null
  const version = layoutVersion.value

  const groups = useMemo(
    () => arrange(devices.values(), { search, kind, order }),
    [search, kind, order, version, stateVersion],
  )
  if (stripRange() !== range.ms) {
    setStripRange(range.ms)
    refreshStrips()
  }
  const isCrowded = densityFor(devices.size) === 'dense' && !isPhone.value
  const density =
    isPhone.value || (isCrowded && params.density === 'rows') ? 'normal' : densityFor(devices.size)
  const shown = groups.reduce((sum, group) => sum + group.devices.length, 0)

  return (
    <div class={`view fleet is-${density} ${isAway ? 'is-away' : ''}`}>
      <div class="head">
        <h1 tabIndex={-1}>Fleet</h1>
        <Summary isAway={isAway} />
        <div class="end">
          <LiveChip />
          {isCrowded && (
            <Segments
              label="Density"
              choices={DENSITIES}
              chosen={density === 'dense' ? 'dense' : 'rows'}
              onChoose={key => setParams({ density: key === 'rows' ? 'rows' : '' })}
            />
          )}
          <a class="button add" href="#/connect">
            <PlusIcon /> Add device
          </a>
        </div>
      </div>
      <FleetTools kind={kind} order={order} search={search} range={range} version={version} />
      <p class="unseen" aria-live="polite">
        {search !== '' && `${plural(shown, 'device')} found`}
      </p>
      {!isAway && <Attention />}
      {density === 'dense' && order === 'room' && groups.length > 1 && !isPhone.value && (
        <FleetMap groups={groups} />
      )}
      {shown === 0 ? (
        <Nothing search={search} />
      ) : (
        <Sheets groups={groups} density={density} rangeMs={range.ms} />
      )}
    </div>
  )
}

function Summary({ isAway }: { isAway: boolean }) {
  const { total, reporting, late, offline, alarm } = counts.value
  if (isAway) {
    return (
      <p class="quiet">
        {plural(devices.size, 'device')}, as of {clockSeconds(lastGoodMs.peek())}.
      </p>
    )
  }
  const parts = [
    late > 0 && <strong class="is-warn">{late} late</strong>,
    offline > 0 && <span>{offline} offline</span>,
    alarm > 0 && <strong class="is-bad">{plural(alarm, 'alarm')}</strong>,
  ].filter(part => part !== false)
  if (parts.length === 0) return <p class="quiet">{plural(total, 'device')}, all reporting.</p>
  return (
    <p class="quiet">
      {plural(total, 'device')}. {reporting} reporting
      {parts.map(part => [', ', part])}.
    </p>
  )
}

function Nothing({ search }: { search: string }) {
  return (
    <p class="nothing">
      {search === '' ? 'No device is in this list. ' : `No device matches “${search}”. `}
      <button type="button" class="button small" onClick={() => setParams({ q: '', kind: '' })}>
        {search === '' ? 'Show all' : 'Clear the search'}
      </button>
    </p>
  )
}

interface ListProps {
  readonly groups: readonly Group[]
  readonly density: Density
  readonly rangeMs: number
}

/** One sheet, or several side by side when there are many devices. */
function Sheets({ groups, density, rangeMs }: ListProps) {
  const list = useRef<HTMLDivElement>(null)
  const sizes = sizesFor(density)
  useLayoutEffect(() => {
    const element = list.current
    if (!element) return
    element.style.setProperty('--row', `${sizes.row}px`)
    element.style.setProperty('--head', `${sizes.head}px`)
    const stops = [followViewport(element), followPointer(element)]
    return () => {
      for (const stop of stops) stop()
    }
  }, [sizes.row, sizes.head, density])
  const count = density === 'dense' ? columnCount.value : 1
  const columns = useMemo(() => columnsOf(groups, count, sizes), [groups, count, sizes.row])
  return (
    <div ref={list} class="sheets" style={{ '--sheets': count }}>
      {columns.map((column, at) => (
        <Sheet
          key={at}
          label={count === 1 ? 'Devices' : `Devices, column ${at + 1} of ${count}`}
          groups={column}
          sizes={sizes}
          rangeMs={rangeMs}
          density={density}
        />
      ))}
    </div>
  )
}

interface SheetProps {
  readonly label: string
  readonly groups: readonly ColumnGroup[]
  readonly sizes: Sizes
  readonly rangeMs: number
  readonly density: Density
}

function Sheet({ label, groups, sizes, rangeMs, density }: SheetProps) {
  const windows = windowsOf(groups, sizes, viewport.value, devices.size)
  return (
    <div class="sheet">
      <div class="paper" aria-hidden="true">
        <div>
          <GridLines />
          <b class="hover-line" />
        </div>
      </div>
      <table aria-label={label}>
        <Ruler rangeMs={rangeMs} />
        {groups.map((group, at) => (
          <Room
            key={group.name}
            group={group}
            window={windows[at] ?? null}
            sizes={sizes}
            isDense={density === 'dense'}
          />
        ))}
      </table>
    </div>
  )
}

interface RoomProps {
  readonly group: ColumnGroup
  readonly window: Window | null
  readonly sizes: Sizes
  readonly isDense: boolean
}

function Room({ group, window, sizes, isDense }: RoomProps) {
  const first = window?.first ?? 0
  const rows = group.devices.slice(first, window?.end)
  const head = group.name === '' ? 0 : sizes.head
  return (
    <tbody
      class={`room ${window ? 'is-windowed' : ''}`}
      {...(!group.isContinued && { id: `room-${group.name}` })}
      {...(window && { style: { height: `${head + group.devices.length * sizes.row}px` } })}
    >
      {group.name !== '' && <RoomHead group={group} isDense={isDense} />}
      {rows.map((device, at) => (
        <FleetRow
          key={device.id}
          device={device}
          name={isDense ? nameWithin(device.name, group.name) : device.name}
          model={device.model}
          topPx={window ? head + (first + at) * sizes.row : null}
        />
      ))}
    </tbody>
  )
}

/** Under its room's head a device need not repeat the room: `Kitchen plug` is `Plug` there. */
function nameWithin(name: string, room: string): string {
  const rest = name.startsWith(`${room} `) ? name.slice(room.length + 1) : ''
  return rest === '' ? name : rest.charAt(0).toUpperCase() + rest.slice(1)
}
