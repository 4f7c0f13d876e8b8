/**
 * A device is small pieces put together: fields (a signal, and how it is to be understood), a shape (how the
 * family of devices says it over MQTT) and a schedule (when it says it).
 */

import type { Signal, Value } from './signal.ts'

export interface Field {
  readonly read: Signal<Value>
  readonly unit?: string
  /** As Home Assistant names it. */
  readonly class?: string
  /** On or off, true or false. */
  readonly isBinary?: boolean
  /** Makes the field one that commands can change; false: the device does not take this value. */
  readonly set?: (value: unknown) => boolean
}

export interface Schedule {
  readonly everyMs: number
  /** Part of `everyMs` by which a report may come early or late. */
  readonly jitter?: number
  /** Reported at once when one of these fields changes; looked at every half second. */
  readonly watch?: readonly string[]
}

export interface About {
  /** As its owner calls it. */
  readonly name: string
  readonly room: string
  readonly make?: Make
  readonly fields: Readonly<Record<string, Field>>
}

/** Whose product it is; shapes that do not say so have no use for it. */
export interface Make {
  readonly vendor: string
  readonly model: string
  readonly description: string
}

export interface Device extends About {
  readonly shape: Shape
  readonly schedule: Schedule
}

/** What is known before a message leaves: `reading` tells apart what a store should keep from metadata. */
export interface Publication {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly retain?: boolean
  readonly qos?: 0 | 1 | 2
  readonly kind: 'reading' | 'metadata'
}

export type Values = Readonly<Record<string, Value>>

/** How one device of a family speaks. */
export interface Shape {
  /** Client id of the connection: a gateway's devices share one. */
  readonly client: string
  readonly will?: Publication
  /** Keeps what it could not send while offline: only devices that tell their own time may. */
  readonly keepsOffline?: boolean
  /** What the connection itself says at first, and once only for all of its devices. */
  announce?(devices: readonly About[], nowMs: number): readonly Publication[]
  /** What a device says at (re)connection, before its values. */
  greet(about: About, nowMs: number): readonly Publication[]
  report(about: About, values: Values, nowMs: number): readonly Publication[]
  /** MQTT filters on which it listens. */
  readonly listens: readonly string[]
  /**
   * Which field a command wants to have which value; `greet` when it asks for the greeting again, null when it is
   * not for this device.
   */
  understand(
    about: About,
    topic: string,
    payload: string,
    bytes: Uint8Array,
  ): readonly Change[] | 'greet' | null
  /** What it answers beside its new state. */
  answer?(about: About, changes: readonly Change[], values: Values, nowMs: number): readonly Publication[]
}

export interface Change {
  readonly field: string
  readonly value: unknown
}

export function reading(topic: string, payload: string | Uint8Array, retain = false): Publication {
  return { topic, payload, retain, kind: 'reading' }
}

export function metadata(topic: string, payload: string | Uint8Array | object, retain = true): Publication {
  const isBytes = typeof payload === 'string' || payload instanceof Uint8Array
  return { topic, payload: isBytes ? payload : JSON.stringify(payload), retain, kind: 'metadata' }
}

/** `Living room lamp` -> `living_room_lamp`. */
export function slug(name: string, separator = '_'): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, separator)
    .replace(new RegExp(`^${separator}|${separator}$`, 'g'), '')
}

/** `living-room` -> `Living room`. */
export function titled(name: string): string {
  const words = name.replaceAll(/[-_]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
