/** A rail: bars while a switch is on, labelled segments for words. */

import type { Course } from '../data/course.ts'
import type { Field } from '../data/fleet.ts'
import { asSwitch } from '../words/fields.ts'
import { bar } from './canvas.ts'
import { type ChartView, type DrawnLane, type Gap, seriesColor, xOf } from './chart-view.ts'
import type { Colors } from './colors.ts'

export function drawRail(
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
