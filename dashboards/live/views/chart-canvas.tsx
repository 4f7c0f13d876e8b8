/**
 * The chart on the page: names and values beside each lane, one canvas under all lanes, and a second one above
 * it for the crosshair, so that a moving pointer does not draw the lines again.
 */

import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Lane } from '../chart/lanes.ts'
import { Scale } from '../chart/scale.ts'
import type { Course } from '../data/course.ts'
import type { Span } from '../data/device-courses.ts'
import type { Device, Field } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'
import { themeVersion } from '../theme.ts'
import { fieldLabel } from '../words/fields.ts'
import { ChartDrawing, type Held } from './chart-drawing.ts'
import { FieldValue } from './device-values.tsx'

interface Props {
  readonly device: Device
  readonly lanes: readonly Lane[]
  readonly courses: ReadonlyMap<Field, Course>
  readonly span: () => Span
  readonly isLive: boolean
  /** Filled with what asks for a redraw. */
  readonly redraw: Held<() => void>
}

export function ChartCanvas({ device, lanes, courses, span, isLive, redraw }: Props) {
  const chart = useRef<HTMLElement>(null)
  const scales = useMemo(() => lanes.map(() => new Scale()), [lanes])
  const latest = useRef({ span, isLive })
  latest.current = { span, isLive }
  const spanKey = isLive ? span().toMs - span().fromMs : span().fromMs
  useLayoutEffect(() => {
    for (const scale of scales) scale.reset()
  }, [scales, spanKey])

  useLayoutEffect(() => {
    const element = chart.current
    if (!element) return
    const drawing = new ChartDrawing(element, device, lanes, scales, courses, latest)
    redraw.current = drawing.request
    const stopSeconds = onSecond(drawing.request)
    const stopTheme = themeVersion.subscribe(drawing.request)
    return () => {
      redraw.current = () => undefined
      stopSeconds()
      stopTheme()
      drawing.close()
    }
  }, [device, lanes, scales, courses])
  useEffect(() => redraw.current())

  return (
    <section
      ref={chart}
      class="chart"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the crosshair, so the chart takes the focus
      tabIndex={0}
      aria-label="Chart. Arrow keys move the crosshair; the table has the same numbers."
    >
      {lanes.map((lane, at) => (
        <div key={laneKey(lane)} class={`lane is-${lane.kind}`}>
          <div class="legend">
            {lane.kind === 'lines' ? (
              lane.series.map(({ field, color }) => (
                <div key={field.name} class="legend-item">
                  <Swatch color={color} />
                  <span class="legend-name">{fieldLabel(field.name)}</span>
                  <FieldValue device={device} field={field} withAge />
                </div>
              ))
            ) : (
              <div class="legend-item">
                <span class="legend-name">{fieldLabel(lane.field.name)}</span>
                <FieldValue device={device} field={lane.field} />
              </div>
            )}
          </div>
          <div class="plot" data-lane={at} style={{ height: `${lane.height / 16}rem` }} />
        </div>
      ))}
      {lanes.length === 0 && <p class="nothing">No field is chosen.</p>}
      <canvas role="img" aria-label={`Course of ${device.name}`} />
      <canvas />
    </section>
  )
}

const laneKey = (lane: Lane) =>
  lane.kind === 'lines' ? lane.series.map(({ field }) => field.name).join() : lane.field.name

function Swatch({ color }: { color: number }) {
  const dash = color === 3 ? '5 2.5' : color === 5 ? '2 2' : undefined
  return (
    <svg
      class="swatch"
      width="14"
      height="4"
      viewBox="0 0 14 4"
      aria-hidden="true"
      style={{ color: `var(--series-${color})` }}
    >
      <path d="M0 2h14" stroke="currentColor" stroke-width="2" {...(dash && { 'stroke-dasharray': dash })} />
    </svg>
  )
}
