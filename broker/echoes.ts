/** Recognises what we published ourselves, when a broker sends it back to us as to any subscriber. */

/** By then a broker that is there has sent it back. */
const FORGET_AFTER_MS = 10_000

export class Echoes {
  /** When each publication went out, by what it says. */
  readonly #expected = new Map<string, number[]>()

  expect(topic: string, payload: Uint8Array): void {
    this.#forget()
    const key = keyOf(topic, payload)
    const times = this.#expected.get(key) ?? []
    times.push(performance.now())
    this.#expected.set(key, times)
  }

  /** Each publication comes back once. */
  isEcho(topic: string, payload: Uint8Array): boolean {
    if (this.#expected.size === 0) return false
    this.#forget()
    const key = keyOf(topic, payload)
    const times = this.#expected.get(key)
    if (times === undefined) return false
    times.shift()
    if (times.length === 0) this.#expected.delete(key)
    return true
  }

  #forget(): void {
    const oldestMs = performance.now() - FORGET_AFTER_MS
    for (const [key, times] of this.#expected) {
      while (times[0] !== undefined && times[0] < oldestMs) times.shift()
      if (times.length === 0) this.#expected.delete(key)
    }
  }
}

function keyOf(topic: string, payload: Uint8Array): string {
  return `${topic}\0${Buffer.from(payload).toString('latin1')}`
}
