/** One sensor: its value and permission in words, its strip, its switch. */

import { useLayoutEffect, useRef } from 'preact/hooks'
import { LockIcon } from '../parts/icons.tsx'
import { Switch } from '../parts/switch.tsx'
import { formatNumber } from '../words/format.ts'
import { ACCESS_WORDS, type Access, type Sensor } from './sensor.ts'
import { askFor, switchSensor } from './sensors.ts'
import { settings } from './settings.ts'

const PAINT_MS = 200
const CALM_PAINT_MS = 1_000
const calm = matchMedia('(prefers-reduced-motion: reduce)')

export function SensorRow({ sensor }: { sensor: Sensor }) {
  const { plan, access } = sensor
  const isOn = settings.value.on.includes(plan.key)
  const isMissing = access.value.kind === 'missing'
  const isReadable = access.value.kind === 'allowed' || access.value.kind === 'free'
  return (
    <li class={`sensor-row ${isMissing ? 'is-missing' : ''}`}>
      <div class="sensor-words">
        <h2>{plan.label}</h2>
        <p class="quiet">
          {isOn && isReadable && <LiveValue sensor={sensor} />}
          {accessWords(access.value, isOn, plan.key)}
        </p>
      </div>
      {isOn && isReadable && <Strip sensor={sensor} />}
      <Act sensor={sensor} isOn={isOn} />
    </li>
  )
}

function accessWords(access: Access, isOn: boolean, key: string): string {
  if (access.kind === 'missing') return ACCESS_WORDS[access.reason]
  const words = ACCESS_WORDS[access.kind]
  if (access.kind === 'ask' && key === 'location')
    return settings.value.isCoarse ? `${words}, to about 100 m` : `${words}, exact`
  if (access.kind === 'ask' || access.kind === 'refused') return words
  return isOn ? words : `Off, ${words}`
}

function Act({ sensor, isOn }: { sensor: Sensor; isOn: boolean }) {
  const { plan, access } = sensor
  switch (access.value.kind) {
    case 'missing':
    case 'refused':
      return <LockIcon />
    case 'ask':
      return (
        <button
          type="button"
          class="link allow"
          aria-label={`Allow ${plan.label.toLowerCase()}`}
          onClick={() => void askFor(sensor)}
        >
          Allow
        </button>
      )
    default:
      return <Switch label={plan.label} isOn={isOn} onSwitch={on => switchSensor(sensor, on)} />
  }
}

/** Written straight into its nodes, silent to readers: it changes five times a second. */
function LiveValue({ sensor }: { sensor: Sensor }) {
  const value = useRef<HTMLElement>(null)
  const unit = useRef<HTMLSpanElement>(null)
  useLayoutEffect(() => {
    const paint = () => {
      const { main } = sensor
      const { fields, decimals, lead = '' } = sensor.plan
      if (value.current) value.current.textContent = main === null ? '' : lead + formatNumber(main, decimals)
      if (unit.current) unit.current.textContent = main === null ? '' : `\u2009${fields[0].unit}, `
    }
    paint()
    const timer = setInterval(paint, calm.matches ? CALM_PAINT_MS : PAINT_MS)
    return () => clearInterval(timer)
  }, [sensor])
  return (
    <>
      <b ref={value} />
      <span ref={unit} />
    </>
  )
}

function Strip({ sensor }: { sensor: Sensor }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useLayoutEffect(() => {
    const paint = () => canvas.current && !document.hidden && sensor.trail.draw(canvas.current)
    paint()
    const timer = setInterval(paint, calm.matches ? CALM_PAINT_MS : PAINT_MS)
    return () => clearInterval(timer)
  }, [sensor])
  return (
    <canvas ref={canvas} class="sensor-strip" role="img" aria-label={`${sensor.plan.label}, last seconds`} />
  )
}
