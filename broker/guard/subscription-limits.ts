/** How many filters one client, and all of them, may be subscribed to: each costs memory, and time of every message. */

/** A connected client. */
export interface Subscribed {
  readonly closed: boolean
  readonly subscriptions: Readonly<Record<string, unknown>>
}

export class SubscriptionLimits {
  readonly refused = { client: 0, all: 0 }
  readonly #maxPerClient: number
  readonly #max: number
  readonly #counts = new Map<Subscribed, number>()
  #total = 0

  constructor(maxPerClient: number, max: number) {
    this.#maxPerClient = maxPerClient
    this.#max = max
  }

  get total(): number {
    return this.#total
  }

  /** Whether the client may have this filter, too. */
  admit(client: Subscribed, filter: string): boolean {
    if (filter in client.subscriptions) return true
    const count = this.#counts.get(client) ?? 0
    if (count >= this.#maxPerClient || this.#total >= this.#max) {
      this.refused[count >= this.#maxPerClient ? 'client' : 'all']++
      return false
    }
    this.#set(client, count + 1)
    return true
  }

  /** After SUBSCRIBE and UNSUBSCRIBE: what is there, whatever was asked. */
  recount(client: Subscribed): void {
    if (client.closed) this.forget(client)
    else this.#set(client, Object.keys(client.subscriptions).length)
  }

  forget(client: Subscribed): void {
    this.#set(client, 0)
    this.#counts.delete(client)
  }

  #set(client: Subscribed, count: number): void {
    this.#total += count - (this.#counts.get(client) ?? 0)
    this.#counts.set(client, count)
  }
}
