/** Whose values a payload holds: settled by its topic, before it is read. */

import type { Tags } from '../telemetry/reading.ts'
import type { UsualUnit } from './usual-units.ts'

/** Whose values they are. */
export interface Subject {
  readonly device: string
  readonly tags: Tags
  /** Before every field name: '' or `relay.0.`. */
  readonly prefix: string
  /** The field of a document that is but one value. */
  readonly leaf: string
  /** The topic names no device: an identity in the payload does. */
  readonly isShared: boolean
  readonly levels: readonly string[]
  readonly known: KnownFields | undefined
  /** Of its family. */
  readonly usualUnit: UsualUnit | undefined
}

/** Whose an object's fields are, and whose a document that is but one value. */
export interface Subjects {
  readonly object: Subject
  readonly scalar: Subject
}

/** What is known about the fields of a topic beforehand, by field name. */
export type KnownFields = ReadonlyMap<
  string,
  { readonly unit?: string | undefined; readonly isText?: boolean }
>
