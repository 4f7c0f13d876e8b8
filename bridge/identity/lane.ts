/**
 * Work of one kind, a piece at a time, in the order of the calls; bounded. When too much waits, it is of those who have
 * the most waiting that the latest is given up: somebody who floods it waits for himself.
 *
 * Addresses of IPv6 are many in one hand, so networks are weighed first, and addresses within them.
 */

import { isIP } from 'node:net'

interface Waiting {
  readonly from: string
  /** `false`: it is not done, as there is too much. */
  readonly go: (isItsTurn: boolean) => void
}

export class Lane {
  readonly #maxWaiting: number
  readonly #waiting: Waiting[] = []
  #isBusy = false

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  /** `from`: the address that it is for. Null: too much waits already. */
  async run<T>(work: () => Promise<T>, from = ''): Promise<T | null> {
    if (this.#isBusy && !(await this.#turn(from))) return null
    this.#isBusy = true
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The turn is handed over: nobody comes in between.
      if (next === undefined) this.#isBusy = false
      else next.go(true)
    }
  }

  #turn(from: string): Promise<boolean> {
    return new Promise(resolve => {
      this.#waiting.push({ from, go: resolve })
      if (this.#waiting.length <= this.#maxWaiting) return
      const [given] = this.#waiting.splice(this.#latestOfMost(), 1)
      given!.go(false)
    })
  }

  #latestOfMost(): number {
    const network = mostOf(this.#waiting.map(({ from }) => networkOf(from)))
    const within = this.#waiting.filter(({ from }) => networkOf(from) === network)
    const address = mostOf(within.map(({ from }) => from))
    return this.#waiting.findLastIndex(({ from }) => from === address)
  }
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
