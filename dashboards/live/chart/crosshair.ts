/** One crosshair through all lanes, with what each field was at that time. */

import { asSwitch, valueWord } from '../words/fields.ts'
import { clockMinutes, clockSeconds, DAY, dayMonth, HOUR } from '../words/format.ts'
import { type ChartView, type DrawnLane, seriesColor, xOf, yOf } from './chart-view.ts'
import { type Colors, currentColors } from './colors.ts'

const READOUT_HEIGHT = 17
/** Arrow keys move by about a bucket. */
const STEPS = 300

/** The time under a place in the chart; null left or right of the lanes. */
export function timeAt(view: ChartView, x: number): number | null {
  const box = view.lanes[0]?.box
  if (!box || x < box.x || x > box.x + box.width) return null
  const share = Math.min(1, (x - box.x) / (box.width - view.edge))
  return view.fromMs + share * (view.toMs - view.fromMs)
}

/** Where a key moves the crosshair to; null for other keys. */
export function stepTime(view: ChartView, now: number | null, key: string, isFar: boolean): number | null {
  const step = ((view.toMs - view.fromMs) / STEPS) * (isFar ? 10 : 1)
  const at = now ?? view.toMs
  const next = { ArrowLeft: at - step, ArrowRight: at + step, Home: view.fromMs, End: view.toMs }[key]
  return next === undefined ? null : Math.min(view.toMs, Math.max(view.fromMs, next))
}

export function drawCrosshair(context: CanvasRenderingContext2D, view: ChartView, timeMs: number): void {
  const first = view.lanes[0]
  const last = view.lanes.at(-1)
  if (!first || !last) return
  const colors = currentColors()
  const x = Math.round(xOf(view, first.box, timeMs))
  const bottom = last.box.y + last.box.height
  context.fillStyle = colors.ink
  context.globalAlpha = 0.75
  context.fillRect(x, first.box.y, 1, bottom - first.box.y)
  context.globalAlpha = 1
  context.textBaseline = 'middle'
  for (const drawn of view.lanes) drawReadouts(context, view, drawn, timeMs, x, colors)
  drawTimePill(context, view, first.box, bottom, timeMs, x, colors)
}

export function drawSelection(
  context: CanvasRenderingContext2D,
  view: ChartView,
  fromX: number,
  toX: number,
): void {
  const first = view.lanes[0]
  const last = view.lanes.at(-1)
  if (!first || !last) return
  context.fillStyle = currentColors().accent
  context.globalAlpha = 0.14
  context.fillRect(
    Math.min(fromX, toX),
    first.box.y,
    Math.abs(toX - fromX),
    last.box.y + last.box.height - first.box.y,
  )
  context.globalAlpha = 1
}

interface Readout {
  readonly text: string
  readonly color: string
  y: number
}

function drawReadouts(
  context: CanvasRenderingContext2D,
  view: ChartView,
  drawn: DrawnLane,
  timeMs: number,
  x: number,
  colors: Colors,
): void {
  context.font = '600 12px Geist, system-ui, sans-serif'
  const readouts =
    drawn.lane.kind === 'lines'
      ? lineReadouts(view, drawn, timeMs, colors)
      : railReadouts(view, drawn, timeMs, colors)
  // Labels that would cover each other move apart, the upper one first.
  readouts.sort((a, b) => a.y - b.y)
  for (let i = 1; i < readouts.length; i++) {
    readouts[i]!.y = Math.max(readouts[i]!.y, readouts[i - 1]!.y + READOUT_HEIGHT + 1)
  }
  const right = drawn.box.x + drawn.box.width
  for (const { text, color, y } of readouts) {
    const width = context.measureText(text).width + 22
    const left = x + 8 + width > right ? x - 8 - width : x + 8
    context.fillStyle = colors.raised
    context.strokeStyle = colors.line
    context.lineWidth = 1
    context.beginPath()
    context.roundRect(left + 0.5, y - READOUT_HEIGHT / 2 + 0.5, width, READOUT_HEIGHT, 4)
    context.fill()
    context.stroke()
    context.fillStyle = color
    context.fillRect(left + 5, y - 3, 6, 6)
    context.fillStyle = colors.ink
    context.textAlign = 'left'
    context.fillText(text, left + 16, y + 1)
  }
}

function lineReadouts(view: ChartView, drawn: DrawnLane, timeMs: number, colors: Colors): Readout[] {
  if (drawn.lane.kind !== 'lines') return []
  const readouts: Readout[] = []
  for (const { field, color } of drawn.lane.series) {
    const course = view.courses.get(field)
    const at = course?.nearest(timeMs) ?? -1
    if (!course || at < 0 || isFar(view, course.times[at]!, timeMs, course.bucketMs)) continue
    const value = course.mean[at]!
    readouts.push({
      text: valueWord(field, value, field.decimals),
      color: seriesColor(color, colors),
      y: Math.max(drawn.box.y + 9, Math.min(drawn.box.y + drawn.box.height - 9, yOf(drawn, value))),
    })
  }
  return readouts
}

function railReadouts(view: ChartView, drawn: DrawnLane, timeMs: number, colors: Colors): Readout[] {
  if (drawn.lane.kind === 'lines') return []
  const { field } = drawn.lane
  const course = view.courses.get(field)
  const at = course ? course.firstFrom(timeMs + 1) - 1 : -1
  if (!course || at < 0) return []
  const value = course.mean[at]!
  const isOn = value >= 0.5
  const text = drawn.lane.kind === 'words' ? course.word(value) : valueWord(field, isOn, 0)
  const color = drawn.lane.kind === 'switch' && asSwitch(field, isOn) !== true ? colors.line : colors.spark
  return [{ text, color, y: drawn.box.y + drawn.box.height / 2 }]
}

/** Further from any reading than a gap: there was nothing then. */
function isFar(view: ChartView, pointMs: number, timeMs: number, bucketMs: number): boolean {
  const allowed = Math.max(
    2.5 * bucketMs,
    3 * (view.device.rhythm.intervalMs() ?? 0),
    (view.toMs - view.fromMs) / 100,
  )
  return Math.abs(pointMs - timeMs) > allowed
}

function drawTimePill(
  context: CanvasRenderingContext2D,
  view: ChartView,
  box: { readonly x: number; readonly width: number },
  bottom: number,
  timeMs: number,
  x: number,
  colors: Colors,
): void {
  const span = view.toMs - view.fromMs
  const text =
    span <= HOUR * 6
      ? clockSeconds(timeMs)
      : span <= DAY
        ? clockMinutes(timeMs)
        : `${dayMonth(timeMs)}, ${clockMinutes(timeMs)}`
  const width = context.measureText(text).width + 14
  const left = Math.min(Math.max(box.x, x - width / 2), box.x + box.width - width)
  context.fillStyle = colors.ink
  context.beginPath()
  context.roundRect(left, bottom + 4, width, 20, 5)
  context.fill()
  context.fillStyle = colors.surface
  context.textAlign = 'center'
  context.fillText(text, left + width / 2, bottom + 14.5)
}
