/**
 * Work of one kind, a piece at a time; bounded. Those who come by different ways (the page, MQTT) take turns, and within
 * a way it goes by the order of the calls. When too much waits, it is of those who have the most waiting that the latest
 * is given up: somebody who floods it waits for himself.
 *
 * Addresses of IPv6 are many in one hand, so networks are weighed first, and addresses within them.
 */

import { isIP } from 'node:net'

export interface Caller {
  readonly way: 'page' | 'mqtt'
  readonly address: string
}

interface Waiting {
  readonly address: string
  /** `false`: it is not done, as there is too much. */
  readonly go: (isItsTurn: boolean) => void
}

export class Lane {
  readonly #maxWaiting: number
  /** Whose turn is next comes first. */
  readonly #waiting = new Map<Caller['way'], Waiting[]>()
  #count = 0
  #isBusy = false

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  /** Null: too much waits already. */
  async run<T>(work: () => Promise<T>, caller: Caller): Promise<T | null> {
    if (this.#isBusy && !(await this.#turn(caller))) return null
    this.#isBusy = true
    try {
      return await work()
    } finally {
      const next = this.#next()
      // The turn is handed over: nobody comes in between.
      if (next === undefined) this.#isBusy = false
      else next.go(true)
    }
  }

  #turn({ way, address }: Caller): Promise<boolean> {
    return new Promise(resolve => {
      const mine = this.#waiting.get(way) ?? []
      this.#waiting.set(way, mine)
      mine.push({ address, go: resolve })
      if (++this.#count <= this.#maxWaiting) return
      let longest = mine
      for (const others of this.#waiting.values()) if (others.length > longest.length) longest = others
      const [given] = longest.splice(latestOfMost(longest), 1)
      this.#count--
      given!.go(false)
    })
  }

  #next(): Waiting | undefined {
    for (const [way, waiting] of this.#waiting) {
      const next = waiting.shift()
      if (next === undefined) continue
      this.#count--
      this.#waiting.delete(way)
      this.#waiting.set(way, waiting)
      return next
    }
    return undefined
  }
}

function latestOfMost(waiting: readonly Waiting[]): number {
  const network = mostOf(waiting.map(({ address }) => networkOf(address)))
  const within = waiting.filter(({ address }) => networkOf(address) === network)
  const most = mostOf(within.map(({ address }) => address))
  return waiting.findLastIndex(({ address }) => address === most)
}

/** What is there most often; of several the one that came to be last. */
function mostOf(names: readonly string[]): string {
  const counts = new Map<string, number>()
  let most = ''
  for (const name of names) {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    if (count >= (counts.get(most) ?? 0)) most = name
  }
  return most
}

/** Of IPv6 the first 64 bits. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').length
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':')
}
