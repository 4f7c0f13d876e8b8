/**
 * Whether anybody listens to a topic. Where clients publish and hardly any subscribes, which is how a bridge is often
 * used, looking each message up, numbering and routing it for nobody took a third of the broker's time.
 */

/** Those who may listen. */
export interface Listeners {
  /** Another number when they are others. */
  readonly version: number
  readonly isEmpty: boolean
  hears(topic: string): boolean
}

const MAX_TOPICS = 16_384

export class Audience {
  readonly #listeners: Listeners
  /** As far as it was asked, since listeners came or went last. */
  readonly #heard = new Map<string, boolean>()
  #version = 0

  constructor(listeners: Listeners) {
    this.#listeners = listeners
  }

  hears(topic: string): boolean {
    const { version, isEmpty } = this.#listeners
    if (isEmpty) return false
    if (version !== this.#version) {
      this.#version = version
      this.#heard.clear()
    }
    let isHeard = this.#heard.get(topic)
    if (isHeard === undefined) {
      isHeard = this.#listeners.hears(topic)
      if (this.#heard.size >= MAX_TOPICS) this.#heard.clear()
      this.#heard.set(topic, isHeard)
    }
    return isHeard
  }
}
