/** The drawing under and over a chart: when it is drawn, what a pointer and keys do there, and its words for those who do not see it. */

import { prepare } from '../chart/canvas.ts'
import { drawChart } from '../chart/chart.ts'
import type { ChartView, DrawnLane } from '../chart/chart-view.ts'
import { drawCrosshair, drawSelection, stepTime, timeAt } from '../chart/crosshair.ts'
import type { Lane } from '../chart/lanes.ts'
import type { Scale } from '../chart/scale.ts'
import { serverNow } from '../data/clock.ts'
import type { Course } from '../data/course.ts'
import type { Span } from '../data/device-courses.ts'
import type { Device, Field } from '../data/fleet.ts'
import { setParams } from '../route.ts'
import { fieldLabel, valueWord } from '../words/fields.ts'
import { formatAge, formatNumber, withUnit } from '../words/format.ts'

const REDRAW_INTERVAL_MS = 100
const EDGE_PX = 16
/** A pointer that moved less did not mean to select. */
const LEAST_DRAG_PX = 8

export interface Held<T> {
  current: T
}

/** Owns the two canvases of a chart and the pointer over them. */
export class ChartDrawing {
  readonly #chart: HTMLElement
  readonly #device: Device
  readonly #lanes: readonly Lane[]
  readonly #scales: readonly Scale[]
  readonly #courses: ReadonlyMap<Field, Course>
  readonly #latest: Held<{ span: () => Span; isLive: boolean }>
  readonly #observer: ResizeObserver
  readonly #abort = new AbortController()
  #isRequested = false
  #drawnMs = 0
  #describedMs = 0
  #boxes: readonly DrawnLane[] = []
  #crosshairMs: number | null = null
  #dragFromX: number | null = null

  constructor(
    chart: HTMLElement,
    device: Device,
    lanes: readonly Lane[],
    scales: readonly Scale[],
    courses: ReadonlyMap<Field, Course>,
    latest: Held<{ span: () => Span; isLive: boolean }>,
  ) {
    this.#chart = chart
    this.#device = device
    this.#lanes = lanes
    this.#scales = scales
    this.#courses = courses
    this.#latest = latest
    this.#observer = new ResizeObserver(() => {
      this.#measure()
      this.#draw()
    })
    this.#observer.observe(chart)
    this.#follow()
  }

  request = (): void => {
    if (this.#isRequested) return
    this.#isRequested = true
    const waitMs = this.#drawnMs + REDRAW_INTERVAL_MS - performance.now()
    setTimeout(() => requestAnimationFrame(this.#draw), Math.max(0, waitMs))
  }

  close(): void {
    this.#observer.disconnect()
    this.#abort.abort()
  }

  #draw = (): void => {
    this.#isRequested = false
    this.#drawnMs = performance.now()
    if (this.#abort.signal.aborted) return
    const context = this.#prepare(0)
    if (!context) return
    const view = this.#view()
    drawChart(context, view)
    if (this.#drawnMs - this.#describedMs > 10_000) {
      this.#describedMs = this.#drawnMs
      this.#canvas(0).setAttribute('aria-label', describe(view))
    }
    if (this.#crosshairMs !== null) this.#drawOverlay()
  }

  #drawOverlay(toX?: number): void {
    const context = this.#prepare(1)
    if (!context) return
    const view = this.#view()
    if (this.#dragFromX !== null && toX !== undefined) drawSelection(context, view, this.#dragFromX, toX)
    if (this.#crosshairMs !== null) drawCrosshair(context, view, this.#crosshairMs)
  }

  #canvas = (index: number) => this.#chart.querySelectorAll('canvas')[index]!

  #prepare(index: number): CanvasRenderingContext2D | null {
    return prepare(this.#canvas(index), this.#chart.clientWidth, this.#chart.clientHeight)
  }

  #measure(): void {
    const origin = this.#chart.getBoundingClientRect()
    this.#boxes = [...this.#chart.querySelectorAll('.plot')].map((plot, at) => {
      const rect = plot.getBoundingClientRect()
      const box = { x: rect.x - origin.x, y: rect.y - origin.y, width: rect.width, height: rect.height }
      return { lane: this.#lanes[at]!, scale: this.#scales[at]!, box }
    })
  }

  #view(): ChartView {
    const { span, isLive } = this.#latest.current
    return {
      device: this.#device,
      lanes: this.#boxes,
      courses: this.#courses,
      ...span(),
      nowMs: serverNow(),
      isLive,
      edge: isLive ? EDGE_PX : 0,
      isNarrow: this.#chart.clientWidth < 600,
    }
  }

  #follow(): void {
    const signal = this.#abort.signal
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      listen: (event: HTMLElementEventMap[K]) => void,
    ) => this.#chart.addEventListener(type, listen, { signal })
    const xIn = (event: PointerEvent) => event.clientX - this.#chart.getBoundingClientRect().x
    on('pointermove', event => {
      this.#crosshairMs = timeAt(this.#view(), xIn(event))
      this.#drawOverlay(xIn(event))
    })
    on('pointerleave', () => this.#leave())
    on('blur', () => this.#leave())
    on('pointerdown', event => {
      const isInPlot = timeAt(this.#view(), xIn(event)) !== null
      if (event.pointerType === 'mouse' && event.button === 0 && isInPlot) this.#dragFromX = xIn(event)
    })
    on('pointerup', event => {
      const fromX = this.#dragFromX
      this.#dragFromX = null
      if (fromX !== null && Math.abs(xIn(event) - fromX) >= LEAST_DRAG_PX) this.#zoom(fromX, xIn(event))
    })
    on('dblclick', () => setParams({ from: '', to: '' }))
    on('keydown', event => {
      const next = stepTime(this.#view(), this.#crosshairMs, event.key, event.shiftKey)
      if (next === null) return
      event.preventDefault()
      this.#crosshairMs = next
      this.#drawOverlay()
    })
  }

  #leave(): void {
    this.#crosshairMs = null
    this.#dragFromX = null
    this.#prepare(1)
  }

  #zoom(a: number, b: number): void {
    const view = this.#view()
    const fromMs = timeAt(view, Math.min(a, b)) ?? view.fromMs
    const toMs = timeAt(view, Math.max(a, b)) ?? view.toMs
    this.#leave()
    setParams({ from: String(Math.floor(fromMs)), to: String(Math.ceil(toMs)) })
  }
}

/** `Flow, last 6 h: 24 to 52 °C, now 34.2`, for those who do not see it. */
function describe(view: ChartView): string {
  const range = formatAge(view.toMs - view.fromMs)
  const parts = [...view.courses].map(([field, course]) => {
    const now = field.value === null ? 'unknown' : valueWord(field, field.value, field.decimals)
    if (typeof field.value !== 'number' || course.length === 0) return `${fieldLabel(field.name)}: now ${now}`
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = course.firstFrom(view.fromMs); i < course.length; i++) {
      low = Math.min(low, course.low[i]!)
      high = Math.max(high, course.high[i]!)
    }
    const span = `${formatNumber(low, field.decimals)} to ${withUnit(formatNumber(high, field.decimals), field.unit)}`
    return `${fieldLabel(field.name)}, last ${range}: ${span}, now ${now}`
  })
  return parts.join('. ')
}
