/**
 * What messages tell about devices, beside their values: discovery documents, births, last wills.
 * Imports nothing; runs in a browser too.
 */

/**
 * About a device, or about one of its fields when `field` is set. An absent key says nothing new, so facts add
 * up; `removed` says that the gateway no longer has the device.
 */
export interface Fact {
  readonly device: string
  readonly field?: string
  /** The topic on which the field's values come: the same field of a device may come by several. */
  readonly topic?: string
  /** The family that said so. */
  readonly family?: string

  readonly name?: string
  readonly room?: string
  readonly model?: string
  readonly manufacturer?: string
  readonly available?: boolean
  readonly removed?: true

  readonly unit?: string
  /** As Home Assistant names it: `temperature`, `energy`, `motion` ... */
  readonly class?: string
  /** Silence longer than this means that the device is gone. */
  readonly expectedIntervalS?: number
}

/** A message that the bridge should publish because of what it heard, such as a Sparkplug rebirth request. */
export interface Request {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
}
