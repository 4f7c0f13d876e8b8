/** A lane of lines: its scale, a band from least to most, the mean over it, and a dot where each ends now. */

import type { Course } from '../data/course.ts'
import { formatNumber } from '../words/format.ts'
import { bar } from './canvas.ts'
import { type ChartView, type DrawnLane, seriesColor, seriesDash, xOf, yOf } from './chart-view.ts'
import type { Colors } from './colors.ts'
import type { Series } from './lanes.ts'
import { valueTicks } from './ticks.ts'

export function drawLines(
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

function dot(context: CanvasRenderingContext2D, x: number, y: number, color: string, ring: string): void {
  context.beginPath()
  context.arc(x, y, 4.7, 0, 2 * Math.PI)
  context.fillStyle = ring
  context.fill()
  context.beginPath()
  context.arc(x, y, 3.2, 0, 2 * Math.PI)
  context.fillStyle = color
  context.fill()
}
