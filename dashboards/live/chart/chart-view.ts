/** What a drawing of a device's chart knows: its boxes, its courses, its span, and where things stand in them. */

import type { Course } from '../data/course.ts'
import type { Device, Field } from '../data/fleet.ts'
import type { Colors } from './colors.ts'
import type { Lane } from './lanes.ts'
import type { Scale } from './scale.ts'

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
export const seriesColor = (color: number, colors: Colors) => colors[`series-${color}` as keyof Colors]
export const seriesDash = (color: number): number[] => [...(DASHES[color] ?? [])]

export function xOf(view: ChartView, box: Box, timeMs: number): number {
  return box.x + ((timeMs - view.fromMs) / (view.toMs - view.fromMs)) * (box.width - view.edge)
}

export function yOf({ box, scale }: DrawnLane, value: number): number {
  return box.y + box.height - ((value - scale.low) / (scale.high - scale.low)) * box.height
}
