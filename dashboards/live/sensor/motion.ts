/** Acceleration, rotation and orientation: events of the window, absent over plain http, asked for on iOS. */

import type { Access, SensorField, SensorPlan, Values } from './sensor.ts'

/** Browsers without the sensor send one event without numbers, or none. */
const SILENCE_MS = 2_500

type Axis = readonly [SensorField, ...SensorField[]]

const axes = (name: string, unit: string, letters: readonly string[]): readonly SensorField[] =>
  letters.map(letter => ({
    name: `${name}_${letter}`,
    label: `${name.charAt(0).toUpperCase()}${name.slice(1)} ${letter}`,
    unit,
  }))

const ACCELERATION: Axis = [
  { name: 'acceleration', label: 'Acceleration', unit: 'm/s²' },
  ...axes('acceleration', 'm/s²', ['x', 'y', 'z']),
]
const ROTATION: Axis = [
  { name: 'rotation', label: 'Rotation', unit: '°/s' },
  ...axes('rotation', '°/s', ['alpha', 'beta', 'gamma']),
]
const ORIENTATION: Axis = [
  { name: 'pitch', label: 'Pitch', unit: '°' },
  { name: 'roll', label: 'Roll', unit: '°' },
  { name: 'heading', label: 'Heading', unit: '°' },
]

export function motionPlans(): readonly SensorPlan[] {
  return [
    {
      key: 'acceleration',
      label: 'Acceleration',
      fields: ACCELERATION,
      decimals: 2,
      permission: 'accelerometer',
      ...accessOf('DeviceMotionEvent'),
      listen: follow<DeviceMotionEvent>('devicemotion', event => {
        const { x, y, z } = event.accelerationIncludingGravity ?? {}
        return vector('acceleration', { x, y, z }, 3)
      }),
    },
    {
      key: 'rotation',
      label: 'Rotation',
      fields: ROTATION,
      decimals: 1,
      permission: 'gyroscope',
      ...accessOf('DeviceMotionEvent'),
      listen: follow<DeviceMotionEvent>('devicemotion', event => {
        const { alpha, beta, gamma } = event.rotationRate ?? {}
        return vector('rotation', { alpha, beta, gamma }, 2)
      }),
    },
    {
      key: 'orientation',
      label: 'Orientation',
      fields: ORIENTATION,
      decimals: 0,
      permission: 'gyroscope',
      ...accessOf('DeviceOrientationEvent'),
      listen: follow<DeviceOrientationEvent>('deviceorientation', ({ alpha, beta, gamma }) => {
        if (beta === null || gamma === null) return null
        const tilt = { pitch: round(beta, 1), roll: round(gamma, 1) }
        return alpha === null ? tilt : { ...tilt, heading: round(alpha, 1) }
      }),
    },
  ]
}

function follow<E extends Event>(name: string, read: (event: E) => Values | null): SensorPlan['listen'] {
  return (tell, refuse) => {
    const timer = setTimeout(() => refuse({ kind: 'missing', reason: 'hardware' }), SILENCE_MS)
    const hear = (event: Event) => {
      const values = read(event as E)
      if (!values) return
      clearTimeout(timer)
      tell(values)
    }
    addEventListener(name, hear)
    return () => {
      clearTimeout(timer)
      removeEventListener(name, hear)
    }
  }
}

/** Parts, and their length as the first field. */
function vector(
  name: string,
  parts: Readonly<Record<string, number | null | undefined>>,
  digits: number,
): Values | null {
  const values: Record<string, number> = { [name]: 0 }
  let sum = 0
  for (const [axis, value] of Object.entries(parts)) {
    if (typeof value !== 'number') return null
    values[`${name}_${axis}`] = round(value, digits)
    sum += value * value
  }
  values[name] = round(Math.sqrt(sum), digits)
  return values
}

export function round(value: number, digits: number): number {
  // Never a negative nought.
  return Math.round(value * 10 ** digits) / 10 ** digits + 0
}

interface Asking {
  readonly requestPermission?: () => Promise<'granted' | 'denied'>
}

function accessOf(name: 'DeviceMotionEvent' | 'DeviceOrientationEvent'): Pick<SensorPlan, 'access' | 'ask'> {
  const event = (globalThis as { readonly [key: string]: unknown })[name] as Asking | undefined
  if (!isSecureContext) return { access: { kind: 'missing', reason: 'insecure' } }
  if (!event) return { access: { kind: 'missing', reason: 'browser' } }
  if (!event.requestPermission) return { access: { kind: 'allowed' } }
  const ask = async (): Promise<Access> => {
    const answer = await event.requestPermission?.().catch(() => 'denied' as const)
    return { kind: answer === 'granted' ? 'allowed' : 'refused' }
  }
  return { access: { kind: 'ask' }, ask }
}
