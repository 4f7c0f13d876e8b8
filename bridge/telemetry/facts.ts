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
  /**
   * Where what it is about comes from: the topic of the field's values (the same field of a device may come by
   * several), or what the device's topics begin with.
   */
  readonly topic?: string
  /**
   * Who the device is, whatever it is called, with a namespace in front: an address, as far as the gateway at `topic`
   * tells it. Needs `topic`.
   */
  readonly identity?: string
  /** A guess: the same topic led elsewhere before, which may be a rename. */
  readonly isGuess?: true
  /** It was renamed: what it was called, and the topic, before. */
  readonly formerly?: { readonly name: string; readonly topic: string }
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
