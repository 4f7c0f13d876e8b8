/**
 * The words that decoder, pipeline, relay, store and page share. Imports nothing; runs in a browser too.
 */

import type { Fact, Request } from './facts.ts'

/** A bigint is an integer beyond 2^53, kept exact; other numbers are finite doubles, never NaN or Infinity. */
export type Value = number | boolean | string | bigint

export interface Field {
  readonly name: string
  readonly value: Value
  /** As people write it: `°C`, `%`, `kWh`. Absent when no source tells it. */
  readonly unit?: string
}

/** Tag names and values beside `device`: `topic` and `room` when known, and what rules add. */
export type Tags = Readonly<Record<string, string>>

/** What a message says about one device at one time: the fields of one point. */
export interface Reading {
  readonly device: string
  /** `reading`, unless a rule chooses another. */
  readonly measurement: string
  readonly tags: Tags
  readonly fields: readonly Field[]
  /** Microseconds since the epoch by the device's clock; null: the arrival time is used. */
  readonly timeUs: number | null
}

/** What the decoder made of a message. `by` names the rule or family that said so. */
export type Decoded = Outcome & {
  /** What the message tells about devices, whatever its kind. */
  readonly facts?: readonly Fact[]
  /** What the bridge should publish in answer. */
  readonly requests?: readonly Request[]
}

export type Outcome =
  | {
      readonly kind: 'readings'
      readonly by: string
      readonly readings: readonly Reading[]
      /** Set when a part of the message was unusable: the whole message goes to the quarantine too. */
      readonly rejected?: string
    }
  | { readonly kind: 'ignored'; readonly by: string; readonly reason: string }
  | { readonly kind: 'rejected'; readonly by: string; readonly reason: string }

/** A reading as it was accepted: numbered, with its final time and its fields as they are stored. */
export interface AcceptedReading {
  /** +1 per reading within the epoch, which begins anew at each start. */
  readonly seq: number
  readonly device: string
  readonly topic: string
  readonly tags: Tags
  readonly fields: readonly Field[]
  readonly timeUs: number
  readonly receivedUs: number
}
