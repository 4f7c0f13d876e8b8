/** What the page knows of one sensor: whether it may be read, and what it last said. */

import { type Signal, signal } from '@preact/signals'
import type { PlainValue } from '../words/fields.ts'
import { Trail } from './trail.ts'

export type Access =
  | { readonly kind: 'free' }
  | { readonly kind: 'ask' }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'missing'; readonly reason: Missing }

export type Missing = 'insecure' | 'browser' | 'hardware'

export const ACCESS_WORDS: Readonly<Record<Exclude<Access['kind'], 'missing'> | Missing, string>> = {
  free: 'no permission needed',
  allowed: 'allowed',
  ask: 'Asks first',
  refused: 'Refused. Allow it in the browser’s settings for this site',
  insecure: 'Needs https',
  browser: 'Not offered by this browser',
  hardware: 'This device has none, or keeps it to itself',
}

/** A field that it sends. */
export interface SensorField {
  readonly name: string
  readonly label: string
  readonly unit: string
  /** The device class that Home Assistant knows it by. */
  readonly class?: string
}

export interface SensorPlan {
  readonly key: string
  readonly label: string
  /** The first is the one shown. */
  readonly fields: readonly [SensorField, ...SensorField[]]
  readonly decimals: number
  /** Before the value shown. */
  readonly lead?: string
  readonly access: Access
  /** Speaks seldom: sent when it changed, not with every message. */
  readonly isSlow?: boolean
  /** The browser's own name of the permission, to see what was decided on another day. */
  readonly permission: string | null
  /** To be called inside a tap. */
  readonly ask?: () => Promise<Access>
  /** Tells values until the returned function is called. */
  readonly listen: (tell: (values: Values) => void, refuse: (access: Access) => void) => () => void
}

export type Values = Readonly<Record<string, PlainValue>>

export class Sensor {
  readonly plan: SensorPlan
  readonly access: Signal<Access>
  readonly trail = new Trail()
  /** What it said last; null until it spoke. */
  values: Values | null = null
  #stop: (() => void) | null = null

  constructor(plan: SensorPlan) {
    this.plan = plan
    this.access = signal(plan.access)
  }

  /** The value shown; null when there is none. */
  get main(): number | null {
    const value = this.values?.[this.plan.fields[0].name]
    return typeof value === 'number' ? value : null
  }

  get isRunning(): boolean {
    return this.#stop !== null
  }

  start(): void {
    const { kind } = this.access.value
    if (this.#stop || kind === 'missing' || kind === 'refused' || kind === 'ask') return
    this.#stop = this.plan.listen(
      values => {
        this.values = values
      },
      access => {
        this.access.value = access
        this.stop()
      },
    )
  }

  stop(): void {
    this.#stop?.()
    this.#stop = null
    this.values = null
    this.trail.clear()
  }

  /** What was allowed or refused on another day; browsers that do not tell leave it at asking. */
  async recall(): Promise<void> {
    const { permission } = this.plan
    if (permission === null || this.access.value.kind !== 'ask') return
    try {
      const { state } = await navigator.permissions.query({ name: permission as PermissionName })
      if (state === 'granted') this.access.value = { kind: 'allowed' }
      if (state === 'denied') this.access.value = { kind: 'refused' }
    } catch {
      // Safari knows no such name, and asks.
    }
  }

  async ask(): Promise<void> {
    this.access.value = (await this.plan.ask?.()) ?? this.access.value
  }
}
