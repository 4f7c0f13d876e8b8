/** A small chart of what this page has seen of the bridge's account, with now at its right edge. */

import { useComputed } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { type Area, drawAreas } from '../chart/area.ts'
import { prepare } from '../chart/canvas.ts'
import { serverNow } from '../data/clock.ts'
import { samples, sampleVersion } from '../data/health.ts'
import { themeVersion } from '../theme.ts'
import { MINUTE } from '../words/format.ts'

const SPANS_MS = [5 * MINUTE, 15 * MINUTE] as const

interface Props {
  readonly title: string
  readonly areas: readonly Area[]
  readonly least: number
  readonly unit?: string
  readonly summary: () => ComponentChildren
}

export function AreaChart({ title, areas, least, unit = '', summary }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null)
  // Five minutes of paper until there is more to show.
  const span = useComputed(() => {
    sampleVersion.value
    return samples.length > 0 && serverNow() - samples.times[0]! > SPANS_MS[0] ? SPANS_MS[1] : SPANS_MS[0]
  }).value
  sampleVersion.value
  useLayoutEffect(() => {
    const draw = () => {
      const element = canvas.current
      const context = element && prepare(element, element.clientWidth, element.clientHeight)
      if (!element || !context) return
      const nowMs = serverNow()
      const { times, length } = samples
      const { clientWidth: width, clientHeight: height } = element
      drawAreas(context, { width, height, fromMs: nowMs - span, nowMs, times, length, areas, least, unit })
    }
    const observer = new ResizeObserver(draw)
    if (canvas.current) observer.observe(canvas.current)
    const stops = [sampleVersion.subscribe(draw), themeVersion.subscribe(draw), () => observer.disconnect()]
    return () => {
      for (const stop of stops) stop()
    }
  }, [span])
  const minutes = span / MINUTE
  return (
    <section class="area-chart">
      <div class="section-head">
        <h2>{title}</h2>
        <p>{summary()}</p>
      </div>
      <canvas ref={canvas} role="img" aria-label={`${title}, last ${minutes} min`} />
      <p class="area-axis" aria-hidden="true">
        <span>−{minutes} min</span>
        <span>now</span>
      </p>
    </section>
  )
}
