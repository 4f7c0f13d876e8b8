/**
 * What each identity takes of a bound that all of them share. The last tenth is kept for those who have at most a
 * hundredth, so that one that fills it does not shut the door on the others. Nobody in particular (null) has no share.
 */

const KEPT_SHARE = 10
const LITTLE_SHARE = 100

export class Shares {
  readonly #max: number
  readonly #taken = new Map<string, number>()
  #total = 0

  constructor(max: number) {
    this.#max = max
  }

  get total(): number {
    return this.#total
  }

  hasRoom(owner: string | null, amount: number): boolean {
    const total = this.#total + amount
    if (total > this.#max) return false
    if (owner === null || total <= this.#max - Math.floor(this.#max / KEPT_SHARE)) return true
    return (this.#taken.get(owner) ?? 0) + amount <= Math.ceil(this.#max / LITTLE_SHARE)
  }

  take(owner: string | null, amount: number): void {
    this.#total += amount
    if (owner === null) return
    const taken = (this.#taken.get(owner) ?? 0) + amount
    if (taken === 0) this.#taken.delete(owner)
    else this.#taken.set(owner, taken)
  }

  giveBack(owner: string | null, amount: number): void {
    this.take(owner, -amount)
  }
}
