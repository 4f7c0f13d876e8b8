/**
 * Whether anybody listens to a topic on the bus. Where clients publish and hardly any subscribes, which is how a bridge
 * is often used, looking each message up, numbering and routing it for nobody took a third of the broker's time.
 *
 * Leans on the bus of Aedes 1.2.0 having its listeners in a tree that can be asked; with another, everything is heard.
 */

import type { Aedes } from 'aedes'

type Change = (...given: unknown[]) => unknown

/** The bus as it is at run time. */
interface Bus {
  on: Change
  removeListener: Change
  readonly _matcher?: { match?(topic: string): { readonly length: number } }
}

/** Listeners that are not on the bus itself. */
export interface Elsewhere {
  /** Another number when they are others. */
  version(): number
  hears(topic: string): boolean
}

const MAX_TOPICS = 16_384

export class Audience {
  readonly #bus: Bus
  readonly #elsewhere: Elsewhere
  /** As far as it was asked, since listeners came or went last. */
  readonly #heard = new Map<string, boolean>()
  #version = 0

  constructor(aedes: Aedes, elsewhere: Elsewhere) {
    this.#bus = (aedes as unknown as { mq: Bus }).mq
    this.#elsewhere = elsewhere
    this.#watch('on')
    this.#watch('removeListener')
  }

  hears(topic: string): boolean {
    const version = this.#elsewhere.version()
    if (version !== this.#version) {
      this.#version = version
      this.#heard.clear()
    }
    let isHeard = this.#heard.get(topic)
    if (isHeard === undefined) {
      isHeard = this.#look(topic)
      if (this.#heard.size >= MAX_TOPICS) this.#heard.clear()
      this.#heard.set(topic, isHeard)
    }
    return isHeard
  }

  #look(topic: string): boolean {
    const found = this.#bus._matcher?.match?.(topic)
    return found === undefined || found.length > 0 || this.#elsewhere.hears(topic)
  }

  #watch(name: 'on' | 'removeListener'): void {
    const change = this.#bus[name].bind(this.#bus)
    this.#bus[name] = (...given) => {
      const result = change(...given)
      this.#heard.clear()
      return result
    }
  }
}
