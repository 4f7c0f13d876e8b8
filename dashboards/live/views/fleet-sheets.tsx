/** The list itself: one sheet of strip-chart paper with every room on it, or several side by side. */

import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Group } from '../data/arrange.ts'
import { devices } from '../data/fleet.ts'
import { type ColumnGroup, columnsOf } from './fleet-columns.ts'
import { followPointer } from './fleet-crosshair.ts'
import { columnCount, type Density, followViewport, type Sizes, sizesFor, viewport } from './fleet-layout.ts'
import { FleetRow } from './fleet-row.tsx'
import { type Window, windowsOf } from './fleet-window.ts'
import { GridLines, Ruler } from './paper.tsx'
import { RoomHead } from './room-head.tsx'

interface ListProps {
  readonly groups: readonly Group[]
  readonly density: Density
  readonly rangeMs: number
  readonly isFoldable: boolean
}

/** One sheet, or several side by side when there are many devices. */
export function Sheets({ groups, density, rangeMs, isFoldable }: ListProps) {
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
          isFoldable={isFoldable}
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
  readonly isFoldable: boolean
}

function Sheet({ label, groups, sizes, rangeMs, density, isFoldable }: SheetProps) {
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
            isFoldable={isFoldable}
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
  readonly isFoldable: boolean
}

function Room({ group, window, sizes, isDense, isFoldable }: RoomProps) {
  const first = window?.first ?? 0
  const rows = group.devices.slice(first, window?.end)
  const head = group.name === '' ? 0 : sizes.head
  return (
    <tbody
      class={`room ${window ? 'is-windowed' : ''}`}
      {...(!group.isContinued && { id: `room-${group.name}` })}
      {...(window && { style: { height: `${head + group.devices.length * sizes.row}px` } })}
    >
      {group.name !== '' && <RoomHead group={group} isDense={isDense} isFoldable={isFoldable} />}
      {rows.map((device, at) => (
        <FleetRow
          key={`${device.id} ${device.knownSinceMs}`}
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
