/**
 * A family is a kind of device or gateway with habits of its own. Most are a table of topics: what a topic says
 * about its values. Some are told by their payload on any topic: those name the keys that give them away.
 * Reading the values is left to the general rules wherever these suffice.
 */

import type { Fact, Request } from '../telemetry/facts.ts'
import type { Reading } from '../telemetry/reading.ts'
import type { Json } from './json.ts'
import type { Payload, Usual } from './payload.ts'
import type { Rule } from './rules.ts'
import type { Subject } from './subject.ts'
import type { Captures } from './topic-template.ts'
import type { UsualUnit } from './usual-units.ts'

export interface Family {
  readonly name: string
  /** The first row whose template matches a topic decides about it, once. */
  readonly topics?: readonly Row[]
  /** Of numbers on these topics, where nothing else tells one. */
  readonly usualUnit?: UsualUnit
  /** Asked for JSON that has one of `marks` among its keys, on topics without a reader of their own. */
  readonly marks?: readonly string[]
  recognise?(json: Json, plan: Plan, context: Context): Result | undefined
  /** The same for texts that are not JSON. */
  recogniseText?(text: string, plan: Plan, context: Context): Result | undefined
  /** The same for bytes that are no text. */
  recogniseBytes?(payload: Payload, plan: Plan, context: Context): Result | undefined
}

export type Row = readonly [
  template: string,
  claim: (captures: Captures, levels: readonly string[]) => Claim | undefined,
]

/** What a family says about a topic; what it leaves open is decided by the general rules. */
export interface Claim {
  /** Never a reading, for this reason. */
  readonly ignore?: string
  readonly device?: string
  readonly room?: string
  /** Levels below the device: the field of a plain value, and what stands before the fields of an object. */
  readonly field?: string
  /** Where a plain value belongs, when that is not where an object does. */
  readonly plain?: { readonly device: string; readonly field: string }
  /** Set when an object's fields stand alone although a plain value has a field name. */
  readonly isObjectBare?: boolean
  readonly isShared?: boolean
  /** Online or offline is all that it says. */
  readonly isAvailability?: boolean
  readonly read?: Read
}

/** For rows that are never readings. */
export const ignore = (reason: string) => (): Claim => ({ ignore: reason })

/** Undefined leaves the message to the general rules. */
export type Read = (payload: Payload, plan: Plan, context: Context) => Result | undefined

export type Result =
  | { readonly kind: 'readings'; readonly readings: readonly Reading[]; readonly cut?: string | undefined }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string }

export const ignored = (reason: string): Result => ({ kind: 'ignored', reason })
/** What a document says about devices: no readings, no error. */
export const METADATA = ignored('metadata')
export const rejected = (reason: string): Result => ({ kind: 'rejected', reason })

/** What is settled about a topic, once for all its messages. */
export interface Plan {
  readonly topic: string
  readonly levels: readonly string[]
  readonly by: string
  readonly ignore: string | undefined
  readonly isAvailability: boolean
  readonly read: Read | undefined
  readonly rule: Rule | undefined
  /** Whose the values are, when the payload is an object, and when it is a plain value. */
  readonly object: Subject
  readonly scalar: Subject
  readonly usual: Usual
}

/** What a reader may use and tell while it reads one message. */
export interface Context {
  readonly nowUs: number
  /** Who sent the message, when that is known. */
  readonly client: string | null
  planOf(topic: string): Plan
  /** Whether the sender could publish to that topic itself. */
  maySpeakFor(topic: string): boolean
  /** What a family keeps between messages, made at its first use; the family bounds it. */
  memory<T>(family: string, create: () => T): T
  tell(fact: Told): void
  ask(request: Request): void
}

/** A fact as a reader finds it: what the message does not say is undefined. */
export type Told = { readonly device: string } & { readonly [K in keyof Fact]?: Fact[K] | undefined }
