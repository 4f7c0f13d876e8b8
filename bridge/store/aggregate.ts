/** What is kept of the values of a bucket. For texts only `count` and `last` mean something; booleans are 0 and 1. */
export class Aggregate {
  count = 0
  sum = 0
  min = Infinity
  max = -Infinity
  last: number | string = 0
  lastUs = -1

  add(timeUs: number, value: number | string): void {
    this.count++
    if (typeof value === 'number') {
      this.sum += value
      if (value < this.min) this.min = value
      if (value > this.max) this.max = value
    }
    this.#takeLast(timeUs, value)
  }

  merge(other: Readonly<Omit<Aggregate, 'add' | 'merge'>>): void {
    this.count += other.count
    this.sum += other.sum
    if (other.min < this.min) this.min = other.min
    if (other.max > this.max) this.max = other.max
    this.#takeLast(other.lastUs, other.last)
  }

  /** Of two series at the same time the greater value counts, as in InfluxDB. */
  #takeLast(timeUs: number, value: number | string): void {
    if (timeUs < this.lastUs || (timeUs === this.lastUs && value < this.last)) return
    this.last = value
    this.lastUs = timeUs
  }
}
