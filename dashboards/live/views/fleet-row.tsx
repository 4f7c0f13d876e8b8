/**
 * One device in the list. The framework makes the row once; from then on its texts are written straight into
 * their nodes, because that happens ten times a second for everything in view.
 */

import { useLayoutEffect, useRef } from 'preact/hooks'
import { drawStrip } from '../chart/strip.ts'
import { serverNow } from '../data/clock.ts'
import type { Device, Field } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { STATE_WORDS } from '../data/rhythm.ts'
import { bucketsOf, stripRange } from '../data/strips.ts'
import { MarkShape } from '../parts/mark.tsx'
import { formatRoute } from '../route.ts'
import { asSwitch, isHidden, type PlainValue, secondaryText, valueWord } from '../words/fields.ts'
import { formatAge } from '../words/format.ts'
import { hoverMs } from './fleet-crosshair.ts'
import { stripSize } from './fleet-layout.ts'

const MOST_SECONDARY = 3
/** A hundred dots that beat at once tell nothing, and cost half of a processor. */
const LEAST_PULSE_ROW_PX = 30
const PULSE: Keyframe[] = [{ scale: 1 }, { scale: 1.7 }, { scale: 1 }]

interface Props {
  readonly device: Device
  readonly name: string
  readonly model: string
  /** Distance from the top of its group, when rows are placed one by one. */
  readonly topPx: number | null
}

export function FleetRow({ device, name, model, topPx }: Props) {
  const row = useRef<HTMLTableRowElement>(null)
  useLayoutEffect(() => (row.current ? attach(row.current, device) : undefined), [device])
  return (
    <tr
      ref={row}
      class="row"
      data-device={device.id}
      {...(topPx !== null && { style: { top: `${topPx}px` } })}
    >
      <td class="mark">
        <MarkShape />
        <span class="unseen" />
      </td>
      <th scope="row" class="name">
        <a href={formatRoute('device', device.id)}>{name}</a>
        {model !== '' && <span class="note model">{model}</span>}
        <span class="note brief" />
      </th>
      <td class="value">
        <span />
        <span class="unit" />
      </td>
      <td class="also" />
      <td class="strip">
        <canvas />
        <i class="dot" hidden />
      </td>
      <td class="age" />
    </tr>
  )
}

/** Ties a row to its device; the returned function unties it. */
function attach(row: HTMLElement, device: Device): () => void {
  const find = <T extends Element>(selector: string) => row.querySelector<T>(selector)!
  const text = {
    state: textIn(find('.mark .unseen')),
    value: textIn(find('.value > :first-child')),
    unit: textIn(find('.unit')),
    brief: textIn(find('.brief')),
    age: textIn(find('.age')),
  }
  const mark = find<HTMLElement>('.mark')
  const shape = find<SVGUseElement>('use')
  const also = find<HTMLElement>('.also')
  const canvas = find<HTMLCanvasElement>('canvas')
  const dot = find<HTMLElement>('.dot')
  const calm = matchMedia('(prefers-reduced-motion: reduce)')
  let alsoShown = ''
  let stateShown = ''
  let lastPulseMs = 0
  let lastValueMs = device.lastMs

  const paintValues = () => {
    const [primary, ...others] = device.ranked
    const hovered = hoverMs.peek()
    const value = primary && hovered !== null ? valueThen(device, primary, hovered) : (primary?.value ?? null)
    write(text.value, value === null || !primary ? '–' : valueWord(primary, value, primary.decimals))
    write(text.unit, typeof value === 'number' && primary?.unit ? `\u2009${primary.unit}` : '')
    const secondary = secondaryTexts(others)
    const joined = secondary.join('\n')
    if (joined !== alsoShown) {
      alsoShown = joined
      also.replaceChildren(
        ...secondary.map(part => Object.assign(document.createElement('span'), { textContent: part })),
      )
    }
    paintAge()
    if (device.state !== stateShown) paintState()
    if (device.lastMs !== lastValueMs) pulse()
    lastValueMs = device.lastMs
  }
  const paintAge = () => {
    const age = device.lastMs === 0 ? '–' : formatAge(serverNow() - device.lastMs)
    write(text.age, age)
    const [first] = alsoShown.split('\n', 1)
    write(text.brief, first ? `${age} · ${first}` : age)
  }
  const paintState = () => {
    stateShown = device.state
    row.dataset.state = mark.dataset.state = stateShown
    shape.setAttribute('href', `#mark-${stateShown}`)
    write(text.state, STATE_WORDS[device.state])
    paintStrip()
  }
  const pulse = () => {
    const now = performance.now()
    const isCrowded = stripSize.peek().height < LEAST_PULSE_ROW_PX
    if (now - lastPulseMs < 1000 || isCrowded || calm.matches || dot.hidden) return
    lastPulseMs = now
    dot.animate(PULSE, { duration: 400, easing: 'ease-out' })
  }
  const paintStrip = () => {
    const field = device.primary
    if (!field) return
    const options = { ...stripSize.value, nowMs: serverNow(), rangeMs: stripRange() }
    const end = drawStrip(canvas, device, field, bucketsOf(device, field), options)
    dot.hidden = end === null || device.state !== 'reporting'
    if (end) dot.style.translate = `${end.x.toFixed(1)}px ${end.y.toFixed(1)}px`
  }

  const paintSecond = () => {
    paintAge()
    paintStrip()
  }
  paintValues()
  paintStrip()
  device.painters.add(paintValues)
  const stopSeconds = onSecond(paintSecond)
  const stopSize = stripSize.subscribe(paintStrip)
  const stopHover = hoverMs.subscribe(paintValues)
  return () => {
    device.painters.delete(paintValues)
    stopSeconds()
    stopSize()
    stopHover()
  }
}

/** The value at a time in the past, as its strip shows it; null where there is none. */
function valueThen(device: Device, field: Field, timeMs: number): PlainValue | null {
  const reachMs = Math.max(2 * (field.buckets?.widestBucketMs ?? 0), device.deadlineMs() ?? stripRange())
  const value = field.buckets?.valueAt(timeMs, reachMs) ?? Number.NaN
  if (Number.isNaN(value) || field.value === null) return null
  if (typeof field.value === 'number') return value
  return asSwitch(field, field.value) === null ? null : value >= 0.5
}

function secondaryTexts(fields: readonly Field[]): readonly string[] {
  const texts: string[] = []
  for (const field of fields) {
    if (field.value === null || texts.length === MOST_SECONDARY || isHidden(field)) continue
    if (typeof field.value === 'string' && field.value.length > 24) continue
    texts.push(secondaryText(field, field.value, field.decimals))
  }
  return texts
}

function textIn(element: Element): Text {
  const node = document.createTextNode('')
  element.replaceChildren(node)
  return node
}

/** Writing an equal text still costs a layout. */
function write(node: Text, text: string): void {
  if (node.data !== text) node.data = text
}
