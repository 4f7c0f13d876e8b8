/** The last values of one device on one topic. Imports only words; runs in a browser too. */

import type { Tags, Value } from './reading.ts'

export interface LastField {
  /** Means nothing while there was none: what came did not fit the field's type. */
  readonly value: Value
  readonly unit?: string
  /** 0: there was none. */
  readonly timeUs: number
  readonly receivedUs: number
}

/** Newest by measurement time: late and historical readings do not turn a field back. */
export interface Series {
  readonly device: string
  readonly topic: string
  readonly tags: Tags
  readonly fields: ReadonlyMap<string, LastField>
}
