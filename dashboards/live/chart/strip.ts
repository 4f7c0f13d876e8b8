/**
 * A strip: one field over the range of the list, on the scale of its row. Time runs to the right, now stands
 * `EDGE_PX` from the edge in every row, so that a line that stops short of it is seen before it is read.
 */

import type { Buckets } from '../data/buckets.ts'
import type { Device, Field } from '../data/fleet.ts'
import { numeric } from '../data/fleet.ts'
import { asSwitch } from '../words/fields.ts'
import { bar, hatch, prepare } from './canvas.ts'
import { currentColors } from './colors.ts'

/** A line is broken where silence lasted longer than this many intervals. */
const INTERVALS_UNTIL_GAP = 3
const LEAST_STEP_PX = 1.5

export interface StripOptions {
  readonly width: number
  readonly height: number
  /** Paper to the right of now. */
  readonly edge: number
  readonly nowMs: number
  readonly rangeMs: number
}

export interface StripEnd {
  readonly x: number
  readonly y: number
}

/** Draws the strip; tells where its newest value stands, null when there is nothing to mark. */
export function drawStrip(
  canvas: HTMLCanvasElement,
  device: Device,
  field: Field,
  buckets: Buckets,
  options: StripOptions,
): StripEnd | null {
  const context = prepare(canvas, options.width, options.height)
  if (!context || field.value === null) return null
  const plotWidth = options.width - options.edge
  const fromMs = options.nowMs - options.rangeMs
  const xOf = (timeMs: number) => ((timeMs - fromMs) / options.rangeMs) * plotWidth
  const isSwitch = asSwitch(field, field.value) !== null
  const end = isSwitch
    ? drawBars(context, device, field, buckets, options, xOf)
    : drawLine(context, device, field, buckets, options, xOf)
  if (device.state === 'late' || device.state === 'offline' || device.state === 'unknown') {
    const from = Math.max(0, xOf(device.lastMs) + 2)
    const half = Math.min(9, options.height / 4)
    hatch(context, [from, options.height / 2 - half, plotWidth - from, 2 * half], currentColors().hatch)
  }
  return end
}

function drawLine(
  context: CanvasRenderingContext2D,
  device: Device,
  field: Field,
  buckets: Buckets,
  { height, nowMs, rangeMs }: StripOptions,
  xOf: (timeMs: number) => number,
): StripEnd | null {
  const times: number[] = []
  const values: number[] = []
  // Where slots are finer than the screen, neighbours are drawn as one: else noise becomes fur.
  const leastStepMs = (LEAST_STEP_PX * rangeMs) / (xOf(nowMs) - xOf(nowMs - rangeMs))
  let merged = 0
  const add = (timeMs: number, value: number) => {
    if (Number.isNaN(value)) return
    const at = times.length - 1
    if (at >= 0 && merged > 0 && timeMs - times[at]! < leastStepMs) {
      values[at]! += (value - values[at]!) / ++merged
      return
    }
    merged = 1
    times.push(timeMs)
    values.push(value)
  }
  buckets.each(nowMs - rangeMs, nowMs, (timeMs, mean) => {
    // The newest slot is still filling up: its middle may lie ahead of its newest reading.
    if (timeMs < field.timeMs) add(timeMs, mean)
  })
  merged = 0
  if (field.value !== null && field.timeMs > nowMs - rangeMs)
    add(Math.min(field.timeMs, nowMs), numeric(field.value))
  if (times.length === 0) return null

  let low = Math.min(...values)
  let high = Math.max(...values)
  // Noise in the last shown digit is not drawn as a mountain.
  const least = 6 * 10 ** -field.decimals
  const missing = Math.max(0, least - (high - low)) / 2
  low -= missing
  high += missing
  const inset = Math.max(4, height * 0.22)
  const yOf = (value: number) => height - inset - ((value - low) / (high - low)) * (height - 2 * inset)

  const gapMs = Math.max(
    2.5 * Math.max(buckets.widestBucketMs, leastStepMs),
    INTERVALS_UNTIL_GAP * (device.rhythm.intervalMs() ?? Number.POSITIVE_INFINITY),
  )
  context.beginPath()
  for (let i = 0; i < times.length; i++) {
    const x = xOf(times[i]!)
    const y = yOf(values[i]!)
    if (i > 0 && times[i]! - times[i - 1]! <= gapMs) context.lineTo(x, y)
    else context.moveTo(x, y)
  }
  context.strokeStyle = currentColors().spark
  context.lineWidth = 1.4
  context.lineJoin = 'round'
  context.stroke()
  return { x: xOf(times.at(-1)!), y: yOf(values.at(-1)!) }
}

function drawBars(
  context: CanvasRenderingContext2D,
  device: Device,
  field: Field,
  buckets: Buckets,
  { height, nowMs, rangeMs }: StripOptions,
  xOf: (timeMs: number) => number,
): null {
  const middle = height / 2
  const isCutOff = device.state === 'unknown' || device.state === 'offline'
  const untilMs = isCutOff ? device.lastMs : nowMs
  const colors = currentColors()
  context.fillStyle = device.state === 'alarm' ? colors.bad : colors.spark

  const thick = Math.min(9, height - 8)
  const draw = (fromMs: number, toMs: number) => {
    const x = Math.max(0, xOf(fromMs))
    bar(context, x, middle - thick / 2, Math.max(2, xOf(toMs) - x), thick)
  }
  let knownSince = field.timeMs
  buckets.each(nowMs - rangeMs, nowMs, timeMs => {
    knownSince = Math.min(knownSince, timeMs)
  })
  const from = Math.max(0, xOf(knownSince))
  context.globalAlpha = 0.45
  context.fillRect(from, middle - 0.5, Math.max(0, xOf(untilMs) - from), 1)
  context.globalAlpha = 1
  let onSince: number | null = null
  const see = (timeMs: number, raw: number) => {
    const isOn = asSwitch(field, raw === 1) === true
    if (isOn) onSince ??= timeMs
    else if (onSince !== null) {
      draw(onSince, timeMs)
      onSince = null
    }
  }
  const halfSlot = buckets.slotMs / 2
  buckets.each(nowMs - rangeMs, nowMs, (timeMs, mean, last) => {
    // On for a part of the slot only: a short bar where it was.
    if (mean > 0 && mean < 1 && onSince === null && asSwitch(field, last === 1) !== true)
      draw(timeMs - halfSlot, timeMs + halfSlot)
    see(timeMs - halfSlot, last)
  })
  if (onSince !== null) draw(onSince, untilMs)
  else if (field.value !== null && asSwitch(field, field.value) === true)
    draw(Math.max(field.timeMs, nowMs - rangeMs), untilMs)
  return null
}
