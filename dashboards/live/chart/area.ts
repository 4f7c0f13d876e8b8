/** A small chart of one or two courses over the last minutes, for the health view. */

import { formatNumber } from '../words/format.ts'
import { type Colors, currentColors } from './colors.ts'
import { valueTicks } from './ticks.ts'

export interface Area {
  readonly values: Float64Array
  readonly color: keyof Colors
}

export interface AreaOptions {
  readonly width: number
  readonly height: number
  readonly fromMs: number
  readonly nowMs: number
  readonly times: Float64Array
  readonly length: number
  readonly areas: readonly Area[]
  /** The scale reaches at least to this. */
  readonly least: number
  /** Behind the figures of the scale. */
  readonly unit: string
}

const TOP = 14
/** Two looks further apart than this have a pause between them. */
const LONGEST_STEP_MS = 30_000

export function drawAreas(context: CanvasRenderingContext2D, options: AreaOptions): void {
  const { width, height, fromMs, nowMs, times, length, areas } = options
  const colors = currentColors()
  const first = Math.max(0, times.subarray(0, length).findIndex(time => time >= fromMs) - 1)
  let high = options.least
  for (const { values } of areas)
    for (let i = first; i < length; i++) if (values[i]! > high) high = values[i]!
  const xOf = (timeMs: number) => ((timeMs - fromMs) / (nowMs - fromMs)) * width
  const yOf = (value: number) => height - (value / high) * (height - TOP)

  context.font = '400 11px Geist, system-ui, sans-serif'
  context.textBaseline = 'middle'
  for (const value of valueTicks(0, high, 3).values) {
    if (value === 0) continue
    context.fillStyle = colors.bent
    context.fillRect(0, Math.round(yOf(value)), width, 1)
    context.fillStyle = colors['ink-3']
    context.fillText(
      `${formatNumber(value, value < 1 ? 1 : 0)}${options.unit}`,
      5,
      Math.round(yOf(value)) + 8,
    )
  }
  for (let quarter = 0; quarter < 4; quarter++) {
    context.fillStyle = colors.bent
    context.fillRect(Math.round((width * quarter) / 4), 0, 1, height)
  }
  for (const { values, color } of areas) {
    context.fillStyle = context.strokeStyle = colors[color]
    context.lineWidth = 1.6
    context.lineJoin = 'round'
    for (let from = first; from < length; ) {
      let to = from + 1
      if (Number.isNaN(values[from]!)) {
        from = to
        continue
      }
      while (to < length && times[to]! - times[to - 1]! <= LONGEST_STEP_MS && !Number.isNaN(values[to]!)) to++
      const line = new Path2D()
      for (let i = from; i < to; i++) line.lineTo(xOf(times[i]!), yOf(values[i]!))
      const fill = new Path2D(line)
      fill.lineTo(xOf(times[to - 1]!), height)
      fill.lineTo(xOf(times[from]!), height)
      context.globalAlpha = 0.16
      context.fill(fill)
      context.globalAlpha = 1
      context.stroke(line)
      from = to
    }
  }
}
