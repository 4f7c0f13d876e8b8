/** Counts clients that come back again and again: two devices with one client id, or one that dies on each start. */

/** A reboot and a few bad minutes of Wi-Fi are no flapping. */
const MAX_PER_MINUTE = 15
const MINUTE_MS = 60_000
/** Client ids watched in a minute; others are not. */
const MAX_WATCHED = 20_000

export class Flapping {
  /** Connects beyond the bound. */
  count = 0
  readonly #connects = new Map<string, number>()
  #sinceMs = performance.now()

  note(clientId: string): void {
    const nowMs = performance.now()
    if (nowMs - this.#sinceMs > MINUTE_MS) {
      this.#connects.clear()
      this.#sinceMs = nowMs
    }
    const connects = (this.#connects.get(clientId) ?? 0) + 1
    if (connects > MAX_PER_MINUTE) this.count++
    if (connects > 1 || this.#connects.size < MAX_WATCHED) this.#connects.set(clientId, connects)
  }
}
