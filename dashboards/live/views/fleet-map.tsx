/** One mark per device, a block per room: where something is wrong is seen without reading 500 names. */

import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { bar, prepare } from '../chart/canvas.ts'
import { type Colors, currentColors } from '../chart/colors.ts'
import { type Group, needsAttention, worstOf } from '../data/arrange.ts'
import { serverNow } from '../data/clock.ts'
import { counts, type Device } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { STATE_WORDS } from '../data/rhythm.ts'
import { StateMark } from '../parts/mark.tsx'
import { go } from '../route.ts'
import { formatAge, formatNumber, plural } from '../words/format.ts'
import { openRoom } from './fold.ts'
import { scrollToRoom } from './scroll-to-room.ts'

const STEP = 5
const MARK_WIDTH = 3.5
const HEIGHT = 18

interface MapProps {
  readonly groups: readonly Group[]
  /** Too many devices for a mark each. */
  readonly isByRoom: boolean
}

export function FleetMap({ groups, isByRoom }: MapProps) {
  const [said, say] = useState('')
  return (
    <nav class={`fleet-map ${isByRoom ? 'map-rooms' : ''}`} aria-label="Overview by room">
      {groups.map(group =>
        isByRoom ? (
          <RoomBlock key={group.name} group={group} />
        ) : (
          <MapRoom key={group.name} group={group} onMark={say} />
        ),
      )}
      {!isByRoom && (
        <p class="note map-said" aria-live="polite">
          {said}
        </p>
      )}
    </nav>
  )
}

function RoomBlock({ group: { name, devices } }: { group: Group }) {
  // The mark follows the states.
  counts.value
  const worst = worstOf(devices)
  const show = () => {
    openRoom(name, true)
    // The room has to be made first.
    setTimeout(() => scrollToRoom(name), 50)
  }
  return (
    <button type="button" class="map-room" onClick={show}>
      {worst && <StateMark state={worst} />}
      {name}
      <span class="note">{formatNumber(devices.length, 0)}</span>
    </button>
  )
}

interface RoomProps {
  readonly group: Group
  readonly onMark: (words: string) => void
}

/** Arrow keys step through its marks, and on into the next room; Enter opens the device. */
function MapRoom({ group, onMark }: RoomProps) {
  const [at, setAt] = useState<number | null>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const { devices, name } = group
  const width = devices.length * STEP
  useLayoutEffect(() => {
    const paint = () => {
      const context = canvas.current && prepare(canvas.current, width, HEIGHT)
      if (!context) return
      const now = serverNow()
      const colors = currentColors()
      for (const [at, device] of devices.entries()) drawMark(context, device, at * STEP, now, colors)
      if (at === null) return
      context.fillStyle = colors.ink
      context.fillRect(at * STEP - 0.5, HEIGHT - 1, MARK_WIDTH + 1, 2)
    }
    paint()
    return onSecond(paint)
  }, [devices, width, at])
  const mark = (next: number | null) => {
    setAt(next)
    const device = next === null ? undefined : devices[next]
    onMark(
      device ? `${device.name}: ${STATE_WORDS[device.state]}, ${formatAge(serverNow() - device.lastMs)}` : '',
    )
  }
  const step = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const next = at === null ? (by > 0 ? 0 : devices.length - 1) : at + by
    if (next >= 0 && next < devices.length) return mark(next)
    const button = event.currentTarget as HTMLElement
    const neighbour = by > 0 ? button.nextElementSibling : button.previousElementSibling
    if (neighbour instanceof HTMLButtonElement) neighbour.focus()
  }
  const wrong = devices.filter(needsAttention).length
  return (
    <button
      type="button"
      class="map-room"
      aria-label={`${name}, ${plural(devices.length, 'device')}${wrong > 0 ? `, ${wrong} need attention` : ''}`}
      onKeyDown={step}
      onBlur={() => mark(null)}
      onClick={event => {
        const device = event.detail === 0 && at !== null ? devices[at] : undefined
        if (device) go('device', device.id)
        else scrollToRoom(name)
      }}
    >
      <canvas ref={canvas} style={{ width: `${width}px`, height: `${HEIGHT}px` }} />
      <span class="note">{name}</span>
    </button>
  )
}

/** Full is fresh and sinks with its age; short amber is late, hollow offline, tall red an alarm. */
function drawMark(
  context: CanvasRenderingContext2D,
  device: Device,
  x: number,
  now: number,
  colors: Colors,
): void {
  if (device.state === 'alarm') {
    context.fillStyle = colors.bad
    bar(context, x, 0, MARK_WIDTH, HEIGHT)
    return
  }
  if (device.state === 'offline' || device.state === 'unknown') {
    context.strokeStyle = colors['ink-3']
    context.lineWidth = 1
    context.strokeRect(x + 0.5, 4.5, MARK_WIDTH - 1, HEIGHT - 5)
    return
  }
  if (device.state === 'late') {
    context.fillStyle = colors.warn
    bar(context, x, HEIGHT - 5, MARK_WIDTH, 5)
    return
  }
  const deadline = device.deadlineMs() ?? Number.POSITIVE_INFINITY
  const tall = 7 + 7 * Math.max(0, 1 - (now - device.lastMs) / deadline)
  context.fillStyle = colors.accent
  context.globalAlpha = 0.6
  bar(context, x, HEIGHT - tall, MARK_WIDTH, tall)
  context.globalAlpha = 1
}
