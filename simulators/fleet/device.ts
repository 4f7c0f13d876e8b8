/**
 * One of many: `home/room-<n>/sim-<nnnn>/state` with a few numbers, `seq` and `ts`. What it says is a function of
 * seed, number and time alone, cheap enough for a hundred thousand a second, and alike within a room.
 */

import { hash } from '../random.ts'
import { encodeTopic } from './packets.ts'

export const DEVICES_PER_ROOM = 10
const DAY_MS = 86_400_000
/** Every quantity wanders from one random value to the next in this time. */
const WANDER_MS = 60_000

export interface FleetDevice {
  readonly id: string
  readonly room: string
  readonly topic: string
  /** The topic as it stands in a packet. */
  readonly topicBytes: string
  readonly fields: readonly FleetField[]
}

interface FleetField {
  /** `"temperature":`, ready to write. */
  readonly key: string
  readonly seed: number
  readonly roomSeed: number
  readonly base: number
  readonly swing: number
  readonly noise: number
  /** Integer steps in one unit. */
  readonly scale: number
}

const KINDS = [
  { name: 'temperature', low: 17, high: 24, swing: 1.8, noise: 0.3, scale: 100 },
  { name: 'humidity', low: 35, high: 60, swing: 6, noise: 1.5, scale: 10 },
  { name: 'power', low: 3, high: 180, swing: 2, noise: 2.5, scale: 10 },
  { name: 'pressure', low: 1004, high: 1022, swing: 1.5, noise: 0.2, scale: 10 },
  { name: 'illuminance', low: 40, high: 400, swing: 39, noise: 15, scale: 1 },
  { name: 'voltage', low: 228, high: 234, swing: 1.5, noise: 0.6, scale: 10 },
] as const

export function fleetDevices(count: number, seed: number, prefix = 'sim', fieldCount = 3): FleetDevice[] {
  const digits = Math.max(4, String(count).length)
  return Array.from({ length: count }, (_, i) => {
    const id = `${prefix}-${String(i + 1).padStart(digits, '0')}`
    const room = `room-${Math.floor(i / DEVICES_PER_ROOM) + 1}`
    const topic = `home/${room}/${id}/state`
    const fields = Array.from({ length: fieldCount }, (_, n) =>
      fieldOf(n, `${seed}/${room}`, `${seed}/${id}`),
    )
    return { id, room, topic, topicBytes: encodeTopic(topic), fields }
  })
}

function fieldOf(nth: number, roomSeed: string, deviceSeed: string): FleetField {
  const kind = KINDS[nth % KINDS.length]!
  const name = nth < KINDS.length ? kind.name : `${kind.name}_${Math.floor(nth / KINDS.length) + 1}`
  const roomHash = hash(`${roomSeed}/${name}`)
  const base = kind.low + (kind.high - kind.low) * (roomHash / 2 ** 32)
  const { swing, noise, scale } = kind
  return {
    key: `"${name}":`,
    seed: hash(`${deviceSeed}/${name}`),
    roomSeed: roomHash,
    base,
    swing,
    noise,
    scale,
  }
}

/** One byte a character. `tsMs` may have a fraction, down to the microsecond. */
export function fleetPayload(device: FleetDevice, seq: number, tsMs: number): string {
  let text = '{'
  const phase = (2 * Math.PI * (tsMs % DAY_MS)) / DAY_MS
  const day = -Math.cos(phase - 0.6)
  for (const field of device.fields) {
    const shared = wander(field.roomSeed, tsMs)
    const own = wander(field.seed, tsMs)
    const value = field.base + field.swing * day + field.noise * (shared + 0.3 * own)
    text += `${field.key}${Math.round(value * field.scale) / field.scale},`
  }
  return `${text}"seq":${seq},"ts":${tsMs}}`
}

/** -1 to 1, smooth in time. */
function wander(seed: number, tsMs: number): number {
  const step = Math.floor(tsMs / WANDER_MS)
  const part = tsMs / WANDER_MS - step
  const before = mix(seed, step)
  return before + (mix(seed, step + 1) - before) * part
}

function mix(seed: number, step: number): number {
  let h = Math.imul(seed ^ step, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  return h / 0x8000_0000
}
