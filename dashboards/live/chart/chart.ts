/**
 * The drawing of a device's chart. Its boxes come from the page: each lane has an empty element where it is
 * drawn, the stylesheet places them (beside their names, or below on a phone), and one canvas covers them all,
 * so that gaps, grid and crosshair go through everything.
 */

import { formatAge } from '../words/format.ts'
import { hatch } from './canvas.ts'
import { type Box, type ChartView, type Gap, xOf } from './chart-view.ts'
import { type Colors, currentColors } from './colors.ts'
import { drawLines } from './draw-lines.ts'
import { drawRail } from './draw-rail.ts'
import { gapsOf } from './gaps.ts'
import { timeTicks } from './ticks.ts'

const AXIS_FONT = '400 11px Geist, system-ui, sans-serif'
const NARROWEST_LABELLED_GAP = 40
const LEAST_RAW_PX = 8

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
  const labels = drawGapLabels(context, view, first.box, gaps, colors)
  drawRawEdge(context, view, labels, colors)
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
): number {
  let rightmost = box.x
  context.fillStyle = colors['ink-3']
  context.textAlign = 'center'
  for (const gap of gaps) {
    const from = xOf(view, box, gap.fromMs)
    const to = xOf(view, box, gap.toMs)
    if (to - from < NARROWEST_LABELLED_GAP) continue
    const text = `no data ${formatAge(gap.toMs - gap.fromMs)}`
    const half = context.measureText(text).width / 2
    const x = Math.min(Math.max((from + to) / 2, box.x + half), box.x + box.width - half)
    context.fillText(text, x, box.y - 8)
    rightmost = Math.max(rightmost, x + half)
  }
  return rightmost
}

/** Where buckets end and raw readings begin: a dotted line through all lanes, both sides named. */
function drawRawEdge(
  context: CanvasRenderingContext2D,
  view: ChartView,
  labelsEndX: number,
  colors: Colors,
): void {
  const box = view.lanes[0]!.box
  const last = view.lanes.at(-1)!.box
  const courses = [...view.courses.values()].filter(course => course.isLoaded && course.bucketMs > 0)
  const rawFromMs = Math.max(0, ...courses.map(course => course.rawFromMs).filter(Number.isFinite))
  const x = Math.round(xOf(view, box, rawFromMs))
  // At the very edge there is no raw side to speak of.
  if (rawFromMs <= view.fromMs || xOf(view, box, Math.min(view.nowMs, view.toMs)) - x < LEAST_RAW_PX) return
  context.save()
  context.strokeStyle = colors['ink-3']
  context.lineWidth = 1
  context.setLineDash([1, 2.5])
  context.beginPath()
  context.moveTo(x + 0.5, box.y)
  context.lineTo(x + 0.5, last.y + last.height)
  context.stroke()
  context.restore()
  const bucketMs = Math.max(...courses.map(course => course.bucketMs))
  const words = `${formatAge(bucketMs)} mean, min to max`
  context.textAlign = 'right'
  context.fillStyle = colors['ink-3']
  if (x - 6 - context.measureText(words).width > labelsEndX + 8) context.fillText(words, x - 6, box.y - 8)
  context.textAlign = 'left'
  context.fillStyle = colors.accent
  if (x + 6 + context.measureText('raw').width <= box.x + box.width) context.fillText('raw', x + 6, box.y - 8)
}
