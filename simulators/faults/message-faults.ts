/**
 * What goes wrong with single messages: each fault strikes with its own probability, seeded, and at most one strikes
 * a message. The transport does what the fate says; nothing here knows it.
 */

import type { Random } from '../random.ts'

export type MessageFault =
  /** Lost on the air before it was sent. */
  | 'drop'
  /** Sent again with DUP, as after a missed acknowledgement. */
  | 'duplicate'
  /** Changes places with the device's next message. */
  | 'reorder'
  /** Cut in the middle. */
  | 'bad-json'
  /** A number becomes text. */
  | 'type-flip'
  /** The device's clock is off: `skewMs`. */
  | 'clock-skew'
  /** Padded to `oversizedBytes`. */
  | 'oversized'

export const MESSAGE_FAULTS = [
  'drop',
  'duplicate',
  'reorder',
  'bad-json',
  'type-flip',
  'clock-skew',
  'oversized',
] as const satisfies readonly MessageFault[]

export interface MessageFaultOptions {
  readonly probabilities: Readonly<Partial<Record<MessageFault, number>>>
  /** Added to the time that a payload carries; an hour back unless given. */
  readonly skewMs?: number | undefined
  /** More than Trestle takes (2 MiB) unless given. */
  readonly oversizedBytes?: number | undefined
}

export type Fate =
  | { readonly kind: 'omitted' }
  | {
      readonly kind: 'sent'
      readonly payload: string | Uint8Array
      /** False: a store should have nothing of it. */
      readonly isReading: boolean
      readonly isRepeated: boolean
      readonly isHeld: boolean
      readonly fault: MessageFault | null
    }

const DEFAULT_SKEW_MS = -3_600_000
const DEFAULT_OVERSIZED_BYTES = 2 * 1024 * 1024 + 4096

export class MessageFaults {
  readonly counts: Record<MessageFault, number> = {
    drop: 0,
    duplicate: 0,
    reorder: 0,
    'bad-json': 0,
    'type-flip': 0,
    'clock-skew': 0,
    oversized: 0,
  }
  readonly #options: MessageFaultOptions
  readonly #random: Random

  constructor(options: MessageFaultOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  get skewMs(): number {
    return this.#options.skewMs ?? DEFAULT_SKEW_MS
  }

  befall(payload: string | Uint8Array): Fate {
    const fault = this.#draw()
    if (fault === null) return sent(payload, null)
    if (fault === 'drop') {
      this.counts.drop++
      return { kind: 'omitted' }
    }
    const spoilt = typeof payload === 'string' ? this.#spoil(fault, payload) : null
    // A fault of the content passes by a payload that has no such content: no time to skew, no number to flip.
    if (spoilt === null && isOfContent(fault)) return sent(payload, null)
    this.counts[fault]++
    const fate = sent(spoilt ?? payload, fault)
    return { ...fate, isReading: fault !== 'bad-json' && fault !== 'oversized' }
  }

  #draw(): MessageFault | null {
    let left = this.#random.next()
    for (const fault of MESSAGE_FAULTS) {
      left -= this.#options.probabilities[fault] ?? 0
      if (left < 0) return fault
    }
    return null
  }

  #spoil(fault: MessageFault, payload: string): string | null {
    switch (fault) {
      case 'bad-json':
        return payload.startsWith('{') ? payload.slice(0, Math.max(1, payload.length >> 1)) : null
      case 'type-flip':
        return flipType(payload, this.#random)
      case 'clock-skew':
        return skewClock(payload, this.skewMs)
      case 'oversized':
        return `{"padding":"${'x'.repeat(this.#options.oversizedBytes ?? DEFAULT_OVERSIZED_BYTES)}"}`
      default:
        return null
    }
  }
}

function isOfContent(fault: MessageFault): boolean {
  return fault === 'bad-json' || fault === 'type-flip' || fault === 'clock-skew'
}

function sent(payload: string | Uint8Array, fault: MessageFault | null): Fate & { kind: 'sent' } {
  return {
    kind: 'sent',
    payload,
    isReading: true,
    isRepeated: fault === 'duplicate',
    isHeld: fault === 'reorder',
    fault,
  }
}

/** The keys that are not measurements: a fault leaves them, so that the reading is still recognised. */
const IDENTITY = new Set(['seq', 'ts', 'time', 'id'])

function flipType(payload: string, random: Random): string | null {
  const object = objectOf(payload)
  if (object === null) return null
  const names = Object.keys(object).filter(name => typeof object[name] === 'number' && !IDENTITY.has(name))
  if (names.length === 0) return null
  const name = names[random.integer(0, names.length - 1)]!
  return JSON.stringify({ ...object, [name]: 'error' })
}

function skewClock(payload: string, skewMs: number): string | null {
  const object = objectOf(payload)
  if (object === null || typeof object.ts !== 'number') return null
  return JSON.stringify({ ...object, ts: object.ts + skewMs })
}

function objectOf(payload: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(payload)
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? (parsed as Record<string, unknown>) : null
  } catch {
    return null
  }
}
