/** How this browser is a device: who it is, where, what it sends. Kept in the browser; nothing of it is sent before Start. */

import { signal } from '@preact/signals'
import { forget, keep, remember } from '../theme.ts'

const KEY = 'trestle.sensor'
const SECRET_KEY = 'trestle.sensor.secret'
export const RATES = [1, 5, 10, 30] as const

export interface SensorSettings {
  /** What it is stored under; stays when the name changes. */
  readonly id: string
  readonly name: string
  readonly room: string
  /** Its own account at the bridge, where one is asked for. */
  readonly username: string
  /** Messages a second. */
  readonly rate: number
  /** Keys of the sensors that are switched on. */
  readonly on: readonly string[]
  /** Places rounded to about 100 m. */
  readonly isCoarse: boolean
  readonly isAwake: boolean
}

export const settings = signal<SensorSettings>(parseSettings(remember(KEY), randomId()))

export function change(changes: Partial<SensorSettings>): void {
  settings.value = { ...settings.value, ...changes }
  keep(KEY, JSON.stringify(settings.value))
}

const keptSecret = remember(SECRET_KEY)
/** Of the account; lasts as long as the page unless it is wished to be kept. */
export const secret = signal(keptSecret ?? '')
export const isSecretKept = signal(keptSecret !== null)

export function changeSecret(text: string, isKept: boolean): void {
  secret.value = text
  isSecretKept.value = isKept
  if (isKept && text !== '') keep(SECRET_KEY, text)
  else forget(SECRET_KEY)
}

/** What was kept, as far as it makes sense, over what holds without a word. */
function parseSettings(kept: string | null, freshId: string): SensorSettings {
  const found = asRecord(kept)
  const text = (key: string, otherwise: string) =>
    typeof found[key] === 'string' && found[key] !== '' ? found[key] : otherwise
  const id = text('id', freshId)
  return {
    id,
    name: text('name', `Phone ${id.slice(id.lastIndexOf('-') + 1)}`),
    room: text('room', ''),
    username: text('username', ''),
    rate: RATES.find(rate => rate === found.rate) ?? 5,
    on: Array.isArray(found.on)
      ? found.on.filter(key => typeof key === 'string')
      : ['acceleration', 'rotation', 'orientation', 'battery'],
    isCoarse: found.isCoarse !== false,
    isAwake: found.isAwake !== false,
  }
}

function asRecord(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** Not `randomUUID`: it is absent where the page came over plain http. */
function randomId(): string {
  return `phone-${crypto.getRandomValues(new Uint16Array(1))[0]!.toString(16).padStart(4, '0')}`
}

/** One level of a topic: `Kids’ room` is `kids-room`. */
function levelOf(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\p{M}'’]/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
}

/** Where it speaks. An account of its own may speak under its own name only. */
export function topicBase({ id, username, room }: SensorSettings): string {
  return `home/${levelOf(room) || 'elsewhere'}/${username || id}`
}
