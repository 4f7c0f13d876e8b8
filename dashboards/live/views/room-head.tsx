/** The head of a room: its name, and what it is like in there. */

import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Device } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { DownIcon } from '../parts/icons.tsx'
import { formatNumber, withUnit } from '../words/format.ts'
import type { ColumnGroup } from './fleet-columns.ts'
import { openRoom } from './fold.ts'
import { GridLines } from './paper.tsx'

interface Props {
  readonly group: ColumnGroup
  readonly isDense: boolean
  readonly isFoldable: boolean
}

export function RoomHead({ group, isDense, isFoldable }: Props) {
  const { name, devices } = group
  const note = useRef<HTMLSpanElement>(null)
  useLayoutEffect(() => {
    const paint = () => {
      const text = isDense || group.folded ? roomStates(group) : roomClimate(devices)
      if (note.current && note.current.textContent !== text) note.current.textContent = text
    }
    paint()
    return onSecond(paint)
  }, [group, isDense])
  return (
    <tr class="room-head">
      <th scope="rowgroup">
        <h2>
          {isFoldable && !group.isContinued ? <Fold name={name} isOpen={!group.folded} /> : name}
          <span ref={note} class="note" />
        </h2>
      </th>
      <td aria-hidden="true" class="paper-cell">
        <GridLines />
      </td>
      <td aria-hidden="true" />
    </tr>
  )
}

function Fold({ name, isOpen }: { name: string; isOpen: boolean }) {
  return (
    <button type="button" class="fold" aria-expanded={isOpen} onClick={() => openRoom(name, !isOpen)}>
      <DownIcon />
      {name}
    </button>
  )
}

/** `22 devices, 1 late`, or that it goes on. */
function roomStates({ devices: shown, folded, isContinued, total }: ColumnGroup): string {
  const devices = folded ?? shown
  if (isContinued) return 'continued'
  const count = (state: Device['state']) => devices.filter(device => device.state === state).length
  const wrong = (['alarm', 'late', 'offline'] as const)
    .filter(state => count(state) > 0)
    .map(state => `${count(state)} ${state}`)
  return [String(total), ...wrong].join(' · ')
}

/** `21.6 °C · 684 ppm`: the mean temperature, and the air where it is measured, else the humidity. */
function roomClimate(devices: readonly Device[]): string {
  const temperature = mean(devices, /^(local_|current_)?temperature$/)
  const air = mean(devices, /^(co2|carbon_dioxide)$/) ?? mean(devices, /^humidity$/)
  return [temperature, air].filter(part => part !== null).join(' · ')
}

function mean(devices: readonly Device[], name: RegExp): string | null {
  let sum = 0
  let count = 0
  let unit: string | null = null
  let decimals = 0
  for (const device of devices) {
    for (const field of device.fields.values()) {
      if (!name.test(field.name) || typeof field.value !== 'number') continue
      if (count > 0 && field.unit !== unit) continue
      unit = field.unit
      decimals = field.decimals
      sum += field.value
      count++
    }
  }
  return count === 0 ? null : withUnit(formatNumber(sum / count, decimals), unit)
}
