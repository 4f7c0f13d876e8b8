/** One mark per device, a block per room: where something is wrong is seen without reading 500 names. */

import { useLayoutEffect, useRef } from 'preact/hooks'
import { bar, prepare } from '../chart/canvas.ts'
import { type Colors, currentColors } from '../chart/colors.ts'
import { type Group, needsAttention } from '../data/arrange.ts'
import { serverNow } from '../data/clock.ts'
import type { Device } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { plural } from '../words/format.ts'
import { scrollToRoom } from './scroll-to-room.ts'

const STEP = 5
const MARK_WIDTH = 3.5
const HEIGHT = 18

export function FleetMap({ groups }: { groups: readonly Group[] }) {
  return (
    <nav class="fleet-map" aria-label="Overview by room">
      {groups.map(group => (
        <MapRoom key={group.name} group={group} />
      ))}
    </nav>
  )
}

function MapRoom({ group }: { group: Group }) {
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
    }
    paint()
    return onSecond(paint)
  }, [devices, width])
  const wrong = devices.filter(needsAttention).length
  return (
    <button
      type="button"
      class="map-room"
      aria-label={`${name}, ${plural(devices.length, 'device')}${wrong > 0 ? `, ${wrong} need attention` : ''}`}
      onClick={() => scrollToRoom(name)}
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
