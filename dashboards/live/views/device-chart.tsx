/** The chart of a device with its tools: range, pause, fields, table, CSV. The address holds what it shows. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Lane } from '../chart/lanes.ts'
import { serverNow } from '../data/clock.ts'
import { missedVersion } from '../data/connection.ts'
import { DeviceCourses, type Span } from '../data/device-courses.ts'
import type { Device, Field } from '../data/fleet.ts'
import { defaultRange } from '../data/young.ts'
import { addKeys } from '../keyboard.ts'
import { DownIcon, DownloadIcon, PauseIcon, PlayIcon } from '../parts/icons.tsx'
import { Segments } from '../parts/segments.tsx'
import { RANGES, type Range, rangeOf, route, setParams, YOUNG_RANGE } from '../route.ts'
import { fieldLabel } from '../words/fields.ts'
import { clockMinutes, dayMonth, formatNumber } from '../words/format.ts'
import { ChartCanvas } from './chart-canvas.tsx'
import { saveCsv } from './device-csv.ts'
import { CourseTable } from './device-table.tsx'

interface Props {
  readonly device: Device
  readonly charted: readonly Field[]
  readonly lanes: readonly Lane[]
  /** Every field that could be charted. */
  readonly all: readonly Field[]
}

export function DeviceChart({ device, charted, lanes, all }: Props) {
  const { params } = route.value
  const range = rangeOf(params, deviceDefault())
  const held = heldSpan(params)
  const [isTable, setTable] = useState(false)
  const redraw = useRef<() => void>(() => undefined)
  const names = charted.map(field => field.name).join()

  const courses = useMemo(() => new DeviceCourses(device, charted, () => redraw.current()), [device, names])
  useEffect(() => () => courses.close(), [courses])
  const missed = missedVersion.value
  useLayoutEffect(() => {
    courses.newSince = 0
    courses.load(held ?? spanNow(range), held !== null)
  }, [courses, range, params.from, params.to, missed])

  const span = () => {
    if (held) return held
    const now = spanNow(range)
    courses.refreshIfDue(now)
    return now
  }
  return (
    <section aria-label="Chart">
      <div class="tools">
        <Segments
          label="Range"
          choices={RANGES}
          chosen={held ? '' : range.key}
          onChoose={key => setParams({ range: key, from: '', to: '' })}
        />
        <PauseButton held={held} range={range} courses={courses} />
        <div class="end">
          <FieldMenu charted={charted} all={all} />
          <button
            type="button"
            class="button plain"
            aria-pressed={isTable}
            onClick={() => setTable(!isTable)}
          >
            {isTable ? 'Chart' : 'Table'}
          </button>
          <button
            type="button"
            class="button plain"
            onClick={() => saveCsv(device, courses.courses, held ? 'span' : range.key)}
          >
            <DownloadIcon /> CSV
          </button>
        </div>
      </div>
      {held && (
        <p class="note held">
          {dayMonth(held.fromMs)}, {clockMinutes(held.fromMs)} to {clockMinutes(held.toMs)}
        </p>
      )}
      {isTable ? (
        <CourseTable courses={courses.courses} />
      ) : (
        <ChartCanvas
          device={device}
          lanes={lanes}
          courses={courses.courses}
          span={span}
          isLive={!held}
          redraw={redraw}
        />
      )}
    </section>
  )
}

/** The shortest button is a quarter of an hour. */
const deviceDefault = () => (defaultRange.value === YOUNG_RANGE ? RANGES[0] : defaultRange.value)

function spanNow(range: Range): Span {
  const now = serverNow()
  return { fromMs: now - range.ms, toMs: now }
}

/** A span in the address: the chart is held still, paused or zoomed into the past. */
function heldSpan(params: Readonly<Record<string, string>>): Span | null {
  const fromMs = Number(params.from)
  const toMs = Number(params.to)
  return fromMs > 0 && toMs > fromMs ? { fromMs, toMs } : null
}

function PauseButton({ held, range, courses }: { held: Span | null; range: Range; courses: DeviceCourses }) {
  const chip = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    const count = () => {
      if (chip.current)
        chip.current.textContent = courses.newSince > 0 ? `${formatNumber(courses.newSince, 0)} new` : ''
    }
    const timer = setInterval(count, 1000)
    return () => clearInterval(timer)
  }, [courses])
  const toggle = () => {
    const now = spanNow(range)
    setParams(
      held
        ? { from: '', to: '' }
        : { from: String(Math.floor(now.fromMs)), to: String(Math.floor(now.toMs)) },
    )
  }
  useEffect(() =>
    addKeys(key => {
      if (key === ' ') toggle()
      return key === ' '
    }),
  )
  return (
    <>
      <button type="button" class="button" onClick={toggle}>
        {held ? <PlayIcon /> : <PauseIcon />}
        {held ? 'Resume' : 'Pause'}
      </button>
      {held && <span ref={chip} class="note" />}
    </>
  )
}

function FieldMenu({ charted, all }: { charted: readonly Field[]; all: readonly Field[] }) {
  const toggle = (field: Field) => {
    const names = new Set(charted.map(field => field.name))
    if (!names.delete(field.name)) names.add(field.name)
    setParams({ fields: [...names].join() })
  }
  if (all.length < 2) return null
  return (
    <details class="menu">
      <summary class="button plain">
        <span>
          {charted.length} of {all.length}
          <span class="field-menu-word"> fields</span>
        </span>
        <DownIcon />
      </summary>
      <div class="menu-body">
        {all.map(field => (
          <label key={field.name}>
            <input type="checkbox" checked={charted.includes(field)} onChange={() => toggle(field)} />
            {fieldLabel(field.name)}
            <span class="note">{field.unit}</span>
          </label>
        ))}
      </div>
    </details>
  )
}
