/** How the tables of cases beside the families are written. */

import type { Value } from '../../telemetry/reading.ts'

/** A value, or a value and its unit. */
export type ExpectedField = Value | readonly [Value, string]

export interface Expected {
  readonly device: string
  /** These must come out; others may. */
  readonly fields: Readonly<Record<string, ExpectedField>>
  readonly room?: string
  /** RFC 3339; null for the arrival time; unset: not looked at. */
  readonly time?: string | null
  /** Fields that must not come out. */
  readonly without?: readonly string[]
}

export type Meaning = 'ignored' | 'rejected' | Expected | readonly Expected[]

/** A message and what it means: topic, payload (objects are sent as JSON), meaning. */
export type Case = readonly [topic: string, payload: string | object | Uint8Array, meaning: Meaning]

export interface Table {
  readonly family: string
  /** Each story is told to a fresh decoder, in order. */
  readonly stories: Readonly<Record<string, readonly Case[]>>
}
