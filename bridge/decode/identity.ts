/** Whose an object is, by what it says itself. */

import type { Json } from './json.ts'
import type { Key } from './keys.ts'
import { uniqueName } from './names.ts'
import { isNoValue } from './scalar.ts'

/** Where an identity stands: on what topic, in a list or alone. */
export interface Standing {
  readonly levels: readonly string[]
  /** The topic names no device. */
  readonly isShared: boolean
  /** One of several entries: what tells them apart counts more. */
  readonly isListed: boolean
}

/** The device that a value names, when it counts there. */
export function identityOf(
  value: Json | undefined,
  key: Key,
  { levels, isShared, isListed }: Standing,
): string | undefined {
  const counts = key.identity === 'strong' || isShared || (key.identity === 'address' && isListed)
  const text = counts ? textOfIdentity(value) : undefined
  if (text === undefined) return undefined
  // `45:e1:74:12:6e:00` in the payload and `45E174126E00` in the topic are one device, as the topic has it.
  const plain = squash(text)
  return uniqueName(levels.find(level => squash(level) === plain) ?? text)
}

const INNER = ['id', 'name', 'deviceId', 'device_id', 'serial', 'mac'] as const
const MAX_LENGTH = 128

function textOfIdentity(value: Json | undefined): string | undefined {
  if (typeof value === 'string') {
    const text = value.trim()
    return text.length <= MAX_LENGTH && !isNoValue(text) ? text : undefined
  }
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const inner = INNER.map(name => value[name]).find(
    part => typeof part === 'string' || typeof part === 'number',
  )
  return inner === undefined ? undefined : textOfIdentity(inner)
}

function squash(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '')
}
