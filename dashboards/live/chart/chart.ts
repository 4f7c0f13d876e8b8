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
