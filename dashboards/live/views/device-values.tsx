/** Values of one device as text that stays current: written straight into their nodes. */

import { useLayoutEffect, useRef } from 'preact/hooks'
import { serverNow } from '../data/clock.ts'
import type { Device, Field } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { type DeviceState, STATE_WORDS } from '../data/rhythm.ts'
import { MarkShape } from '../parts/mark.tsx'
import { fieldLabel, valueWord } from '../words/fields.ts'
import { formatAge } from '../words/format.ts'

/** Keeps what `paint` writes current: with the device's readings and once a second. */
export function usePainter(device: Device, paint: () => void, deps: readonly unknown[] = []): void {
  useLayoutEffect(() => {
    paint()
    device.painters.add(paint)
    const stop = onSecond(paint)
    return () => {
      device.painters.delete(paint)
      stop()
    }
  }, [device, ...deps])
}

export function setText(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text
}

const CHIP_ROLES: Readonly<Record<DeviceState, string>> = {
  reporting: 'accent',
  late: 'warn',
  alarm: 'bad',
  offline: 'plain',
  unknown: 'plain',
}

export function StateChip({ device }: { device: Device }) {
  const chip = useRef<HTMLSpanElement>(null)
  usePainter(device, () => {
    const element = chip.current
    if (!element) return
    const word = STATE_WORDS[device.state]
    const age = formatAge(serverNow() - device.lastMs)
    element.dataset.role = CHIP_ROLES[device.state]
    element.querySelector('use')?.setAttribute('href', `#mark-${device.state}`)
    setText(element.lastElementChild, `${word.charAt(0).toUpperCase()}${word.slice(1)}, ${age} ago`)
  })
  return (
    <span ref={chip} class="chip">
      <MarkShape />
      <span />
    </span>
  )
}

/** The current value of one field: number, unit, age. */
export function FieldValue({
  device,
  field,
  withAge = false,
}: {
  device: Device
  field: Field
  withAge?: boolean
}) {
  const value = useRef<HTMLSpanElement>(null)
  usePainter(device, () => {
    const element = value.current
    if (!element) return
    const [number, unit, age] = element.children
    setText(number!, field.value === null ? '–' : valueWord(field, field.value, field.decimals))
    setText(unit!, typeof field.value === 'number' && field.unit ? `\u2009${field.unit}` : '')
    if (age) setText(age, field.timeMs === 0 ? '' : formatAge(serverNow() - field.timeMs))
  }, [field])
  return (
    <span ref={value} class="field-value">
      <b />
      <span class="unit" />
      {withAge && <span class="note age" />}
    </span>
  )
}

/** Fields that are not charted, in one quiet line. */
export function FieldNotes({ device, fields }: { device: Device; fields: readonly Field[] }) {
  return (
    <dl class="field-notes">
      {fields.map(field => (
        <div key={field.name}>
          <dt>{fieldLabel(field.name)}</dt>
          <dd>
            <FieldValue device={device} field={field} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
