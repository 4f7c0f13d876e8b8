/** Every device on one sheet of paper, by room. */

import { useComputed } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { arrange, type KindFilter, type Order } from '../data/arrange.ts'
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
import { densityFor, isPhone } from './fleet-layout.ts'
import { FleetMap } from './fleet-map.tsx'
import { Sheets } from './fleet-sheets.tsx'
import { Attention, FleetTools } from './fleet-tools.tsx'
import { FOLD_ABOVE, foldGroups, openRooms } from './fold.ts'

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
  const isFoldable = devices.size > FOLD_ABOVE && order === 'room' && search === '' && kind === 'all'
  const open = openRooms.value
  const listed = useMemo(() => (isFoldable ? foldGroups(groups, open) : groups), [groups, open, isFoldable])
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
        <FleetMap groups={groups} isByRoom={isFoldable} />
      )}
      {shown === 0 ? (
        <Nothing search={search} />
      ) : (
        <Sheets groups={listed} density={density} rangeMs={range.ms} isFoldable={isFoldable} />
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
