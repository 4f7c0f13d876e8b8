/**
 * The drawing of a device's chart. Its boxes come from the page: each lane has an empty element where it is
 * drawn, the stylesheet places them (beside their names, or below on a phone), and one canvas covers them all,
 * so that gaps, grid and crosshair go through everything.
 */

import type { Course } from '../data/course.ts'
import type { Device, Field } from '../data/fleet.ts'
import { asSwitch } from '../words/fields.ts'
import { formatAge, formatNumber } from '../words/format.ts'
import { bar, hatch } from './canvas.ts'
import { type Colors, currentColors } from './colors.ts'
import type { Lane, Series } from './lanes.ts'
import type { Scale } from './scale.ts'
import { timeTicks, valueTicks } from './ticks.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface DrawnLane {
  readonly lane: Lane
  readonly box: Box
  readonly scale: Scale
}

export interface ChartView {
  readonly device: Device
  readonly lanes: readonly DrawnLane[]
  readonly courses: ReadonlyMap<Field, Course>
  readonly fromMs: number
  readonly toMs: number
  readonly nowMs: number
  readonly isLive: boolean
  /** Paper to the right of now. */
  readonly edge: number
  /** Numbers of the scale stand inside the lane, not beside it. */
  readonly isNarrow: boolean
}

export interface Gap {
  readonly fromMs: number
  readonly toMs: number
}

const DASHES: Readonly<Record<number, readonly number[]>> = { 3: [5, 2.5], 5: [2, 2] }
const AXIS_FONT = '400 11px Geist, system-ui, sans-serif'
const NARROWEST_LABELLED_GAP = 40

export const seriesColor = (color: number, colors: Colors) => colors[`series-${color}` as keyof Colors]
export const seriesDash = (color: number): number[] => [...(DASHES[color] ?? [])]

export function xOf(view: ChartView, box: Box, timeMs: number): number {
  return box.x + ((timeMs - view.fromMs) / (view.toMs - view.fromMs)) * (box.width - view.edge)
}

export function yOf({ box, scale }: DrawnLane, value: number): number {
  return box.y + box.height - ((value - scale.low) / (scale.high - scale.low)) * box.height
}

export function drawChart(context: CanvasRenderingContext2D, view: ChartView): void {
  const first = view.lanes[0]
  const last = view.lanes.at(-1)
  if (!first || !last) return
  const colors = currentColors()
  const gaps = gapsOf(view)
  const ticks = timeTicks(view.fromMs, view.toMs, first.box.width / 90)
  context.font = AXIS_FONT
  context.textBaseline = 'middle'
  for (const drawn of view.lanes) {
    context.fillStyle = colors.bent
    for (const tick of ticks)
      context.fillRect(Math.round(xOf(view, drawn.box, tick.timeMs)), drawn.box.y, 1, drawn.box.height)
    for (const gap of gaps) {
      const x = xOf(view, drawn.box, gap.fromMs)
      hatch(context, [x, drawn.box.y, xOf(view, drawn.box, gap.toMs) - x, drawn.box.height], colors.hatch)
    }
    if (drawn.lane.kind === 'lines') drawLines(context, view, drawn, drawn.lane.series, colors)
    else drawRail(context, view, drawn, drawn.lane.field, drawn.lane.kind, gaps, colors)
    if (view.isLive) {
      context.fillStyle = colors.accent
      context.fillRect(xOf(view, drawn.box, view.nowMs) - 0.75, drawn.box.y, 1.5, drawn.box.height)
    }
  }
  drawTimeAxis(context, view, last.box, ticks, colors)
  drawGapLabels(context, view, first.box, gaps, colors)
}

/** Where nothing came from this device at all: longer than three of its intervals, or than what a bucket hides. */
export function gapsOf(
  view: Pick<ChartView, 'courses' | 'device' | 'fromMs' | 'toMs' | 'nowMs'>,
): readonly Gap[] {
  let size = 0
  let bucketMs = 0
  for (const course of view.courses.values()) {
    size += course.length
    bucketMs = Math.max(bucketMs, course.bucketMs)
  }
  const times = new Float64Array(size)
  let at = 0
  for (const course of view.courses.values()) {
    times.set(course.times.subarray(0, course.length), at)
    at += course.length
  }
  times.sort()
  const longest = Math.max(2.5 * bucketMs, 3 * (view.device.rhythm.intervalMs() ?? 0), 5_000)
  const gaps: Gap[] = []
  for (let i = 1; i < size; i++) {
    const fromMs = times[i - 1]! + bucketMs / 2
    const toMs = times[i]! - bucketMs / 2
    if (toMs - fromMs > longest && toMs > view.fromMs && fromMs < view.toMs)
      gaps.push({ fromMs: Math.max(fromMs, view.fromMs), toMs })
  }
  const lastMs = Math.max(times[size - 1] ?? 0, view.device.lastMs)
  if (size > 0 && view.device.state !== 'reporting' && view.nowMs - lastMs > longest && lastMs < view.toMs) {
    gaps.push({ fromMs: Math.max(view.fromMs, lastMs), toMs: Math.min(view.nowMs, view.toMs) })
  }
  return gaps
}

function drawLines(
  context: CanvasRenderingContext2D,
  view: ChartView,
  drawn: DrawnLane,
  series: readonly Series[],
  colors: Colors,
): void {
  const { box, scale } = drawn
  fitScale(view, drawn, series)
  const most = Math.max(3, Math.min(5, Math.floor(box.height / 30)))
  const { values, decimals } = valueTicks(scale.low, scale.high, most)
  for (const value of values) {
    const y = Math.round(yOf(drawn, value))
    if (y > box.y + box.height - 3 || y < box.y + 3) continue
    context.fillStyle = colors.bent
    context.fillRect(box.x, y, box.width, 1)
    context.fillStyle = colors['ink-3']
    context.textAlign = view.isNarrow ? 'left' : 'right'
    context.fillText(
      formatNumber(value, decimals),
      view.isNarrow ? box.x + 4 : box.x - 7,
      view.isNarrow ? y - 7 : y,
    )
  }
  context.save()
  context.beginPath()
  context.rect(box.x, box.y, box.width, box.height)
  context.clip()
  for (const { field, color } of series) {
    const course = view.courses.get(field)
    if (course) drawLine(context, view, drawn, course, seriesColor(color, colors), seriesDash(color))
  }
  for (const { field, color } of series) {
    const course = view.courses.get(field)
    if (!view.isLive || !course || course.length === 0) continue
    const x = xOf(view, box, course.times[course.length - 1]!)
    if (x < box.x) continue
    dot(context, x, yOf(drawn, course.mean[course.length - 1]!), seriesColor(color, colors), colors.sunken)
  }
  context.restore()
}

function fitScale(view: ChartView, { scale }: DrawnLane, series: readonly Series[]): void {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const { field } of series) {
    const course = view.courses.get(field)
    if (!course) continue
    for (
      let i = Math.max(0, course.firstFrom(view.fromMs) - 1);
      i < course.length && course.times[i]! <= view.toMs;
      i++
    ) {
      if (course.low[i]! < low) low = course.low[i]!
      if (course.high[i]! > high) high = course.high[i]!
    }
  }
  if (low <= high) scale.fit(low, high, view.nowMs)
}

/** The band from least to most of each bucket, then the mean over it. Nothing is drawn across a gap. */
function drawLine(
  context: CanvasRenderingContext2D,
  view: ChartView,
  drawn: DrawnLane,
  course: Course,
  color: string,
  dash: readonly number[],
): void {
  const first = Math.max(0, course.firstFrom(view.fromMs) - 1)
  let end = first
  while (end < course.length && course.times[end]! <= view.toMs) end++
  if (end < course.length) end++
  if (end === first) return
  const typicalMs = (course.times[end - 1]! - course.times[first]!) / Math.max(1, end - first - 1)
  const breakMs = Math.max(2.5 * course.bucketMs, 5 * typicalMs, 3 * (view.device.rhythm.intervalMs() ?? 0))
  context.fillStyle = color
  context.strokeStyle = color
  context.lineWidth = 1.6
  context.lineJoin = 'round'
  for (let from = first; from < end; ) {
    let to = from + 1
    while (to < end && course.times[to]! - course.times[to - 1]! <= breakMs) to++
    context.globalAlpha = 0.2
    context.beginPath()
    for (let i = from; i < to; i++)
      context.lineTo(xOf(view, drawn.box, course.times[i]!), yOf(drawn, course.high[i]!))
    for (let i = to - 1; i >= from; i--)
      context.lineTo(xOf(view, drawn.box, course.times[i]!), yOf(drawn, course.low[i]!))
    context.fill()
    context.globalAlpha = 1
    context.setLineDash([...dash])
    context.beginPath()
    for (let i = from; i < to; i++)
      context.lineTo(xOf(view, drawn.box, course.times[i]!), yOf(drawn, course.mean[i]!))
    context.stroke()
    context.setLineDash([])
    // A lone point has no line to be seen by.
    if (to - from === 1)
      bar(context, xOf(view, drawn.box, course.times[from]!) - 1, yOf(drawn, course.mean[from]!) - 1, 2, 2)
    from = to
  }
}

function drawRail(
  context: CanvasRenderingContext2D,
  view: ChartView,
  { box }: DrawnLane,
  field: Field,
  kind: 'switch' | 'words',
  gaps: readonly Gap[],
  colors: Colors,
): void {
  const course = view.courses.get(field)
  const middle = box.y + box.height / 2
  const right = xOf(view, box, Math.min(view.nowMs, view.toMs))
  context.fillStyle = colors.spark
  context.globalAlpha = 0.45
  context.fillRect(box.x, middle - 0.5, right - box.x, 1)
  context.globalAlpha = 1
  if (!course || course.length === 0) return
  const commonest = kind === 'words' ? commonestOf(course) : 1
  for (let i = Math.max(0, course.firstFrom(view.fromMs) - 1); i < course.length; ) {
    const value = course.mean[i]!
    const startMs = course.times[i]! - (course.times[i]! < course.rawFromMs ? course.bucketMs / 2 : 0)
    let next = i + 1
    while (next < course.length && course.mean[next] === value) next++
    let endMs =
      next < course.length ? course.times[next]! - course.bucketMs / 2 : Math.min(view.nowMs, view.toMs)
    const gap = gaps.find(gap => gap.fromMs >= startMs && gap.fromMs < endMs)
    if (gap) {
      endMs = gap.fromMs
      next = Math.min(next, Math.max(i + 1, course.firstFrom(gap.toMs - course.bucketMs)))
    }
    const x = Math.max(box.x, xOf(view, box, startMs))
    const width = Math.max(2, Math.min(right, xOf(view, box, endMs)) - x)
    i = next
    if (x > right) break
    const isOn = kind === 'switch' ? asSwitch(field, value >= 0.5) === true : true
    if (!isOn) continue
    context.fillStyle = kind === 'switch' || value === commonest ? colors.spark : colors.sunken
    bar(context, x, middle - 6, width, 12)
    if (kind === 'words')
      drawSegmentWord(context, course.word(value), [x, middle, width], value === commonest, value, colors)
  }
}

function drawSegmentWord(
  context: CanvasRenderingContext2D,
  word: string,
  [x, middle, width]: readonly [number, number, number],
  isCommonest: boolean,
  value: number,
  colors: Colors,
): void {
  if (!isCommonest) {
    context.strokeStyle = seriesColor(((value + 1) % 6) + 1, colors)
    context.lineWidth = 1.4
    context.beginPath()
    context.roundRect(x + 0.7, middle - 5.3, Math.max(1, width - 1.4), 10.6, 2)
    context.stroke()
  }
  if (context.measureText(word).width > width - 10) return
  context.fillStyle = isCommonest ? colors.surface : colors.ink
  context.textAlign = 'left'
  context.fillText(word, x + 5, middle + 0.5)
}

function commonestOf(course: Course): number {
  const counts = new Map<number, number>()
  for (let i = 0; i < course.length; i++) counts.set(course.mean[i]!, (counts.get(course.mean[i]!) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0
}

function drawTimeAxis(
  context: CanvasRenderingContext2D,
  view: ChartView,
  box: Box,
  ticks: readonly { readonly timeMs: number; readonly label: string }[],
  colors: Colors,
): void {
  const y = box.y + box.height + 14
  const nowX = xOf(view, box, view.nowMs)
  context.textAlign = 'center'
  context.fillStyle = colors['ink-3']
  for (const tick of ticks) {
    const x = xOf(view, box, tick.timeMs)
    if (x < box.x + 14 || (view.isLive && nowX - x < 34)) continue
    const half = context.measureText(tick.label).width / 2
    context.fillText(tick.label, Math.min(x, box.x + box.width - half), y)
  }
  if (!view.isLive) return
  context.fillStyle = colors.accent
  context.font = AXIS_FONT.replace('400', '600')
  context.fillText('now', Math.min(nowX, box.x + box.width - 12), y)
  context.font = AXIS_FONT
}

function drawGapLabels(
  context: CanvasRenderingContext2D,
  view: ChartView,
  box: Box,
  gaps: readonly Gap[],
  colors: Colors,
): void {
  context.fillStyle = colors['ink-3']
  context.textAlign = 'center'
  for (const gap of gaps) {
    const from = xOf(view, box, gap.fromMs)
    const to = xOf(view, box, gap.toMs)
    if (to - from < NARROWEST_LABELLED_GAP) continue
    const text = `no data ${formatAge(gap.toMs - gap.fromMs)}`
    const half = context.measureText(text).width / 2
    context.fillText(
      text,
      Math.min(Math.max((from + to) / 2, box.x + half), box.x + box.width - half),
      box.y - 8,
    )
  }
}

export function dot(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  color: string,
  ring: string,
): void {
  context.beginPath()
  context.arc(x, y, 4.7, 0, 2 * Math.PI)
  context.fillStyle = ring
  context.fill()
  context.beginPath()
  context.arc(x, y, 3.2, 0, 2 * Math.PI)
  context.fillStyle = color
  context.fill()
}
