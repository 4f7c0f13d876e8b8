/**
 * Which message of which device has come how far: one byte of marks and one time each, so that millions fit.
 */

import type { FleetMessage } from '../fleet/connection.ts'
import type { FleetDevice } from '../fleet/device.ts'

const SENT = 1
const ACKNOWLEDGED = 2
const LIVE = 4
const STORED = 8

export type Station = 'acknowledged' | 'live' | 'stored'

const MARK: Readonly<Record<Station, number>> = { acknowledged: ACKNOWLEDGED, live: LIVE, stored: STORED }

interface Row {
  marks: Uint8Array
  /** Milliseconds since the tally began; to a tenth within three hours. */
  sentMs: Float32Array
  count: number
  sent: number
}

export class FleetTally {
  readonly counts = { sent: 0, acknowledged: 0, live: 0, stored: 0 }
  /** Seen again at a place where they had been. */
  readonly twice = { acknowledged: 0, live: 0, stored: 0 }
  readonly #rows: Row[]
  readonly #devices: readonly FleetDevice[]
  readonly #indexById: Map<string, number>
  readonly #beganMs = performance.now()

  constructor(devices: readonly FleetDevice[]) {
    this.#devices = devices
    this.#indexById = new Map(devices.map((device, index) => [device.id, index]))
    this.#rows = devices.map(() => ({
      marks: new Uint8Array(64),
      sentMs: new Float32Array(64),
      count: 0,
      sent: 0,
    }))
  }

  sent({ index, seq }: FleetMessage, nowMs: number): void {
    const row = this.#rows[index]!
    if (seq >= row.marks.length) grow(row, seq)
    row.marks[seq] = row.marks[seq]! | SENT
    row.sentMs[seq] = nowMs - this.#beganMs
    row.count = Math.max(row.count, seq + 1)
    row.sent++
    this.counts.sent++
  }

  /** Milliseconds since it was sent; null when it is not one of ours, or was there before. */
  arrived(station: Station, index: number, seq: number, nowMs: number): number | null {
    const row = this.#rows[index]
    const marks = row?.marks[seq] ?? 0
    if (row === undefined || (marks & SENT) === 0) return null
    if ((marks & MARK[station]) !== 0) {
      this.twice[station]++
      return null
    }
    row.marks[seq] = marks | MARK[station]
    this.counts[station]++
    return nowMs - this.#beganMs - row.sentMs[seq]!
  }

  sentBy(index: number): number {
    return this.#rows[index]!.sent
  }

  indexOf(device: string): number | undefined {
    return this.#indexById.get(device)
  }

  /** Numbers of the devices of which something is missing there. */
  lacking(station: Station): number[] {
    return [...this.#rows.keys()].filter(index => this.#missingOf(station, index).next().done !== true)
  }

  /** The first few, to look into. */
  missing(station: Station, limit = 10): { device: string; seq: number }[] {
    const found: { device: string; seq: number }[] = []
    for (const [index, device] of this.#devices.entries()) {
      for (const seq of this.#missingOf(station, index)) {
        if (found.push({ device: device.id, seq }) === limit) return found
      }
    }
    return found
  }

  *#missingOf(station: Station, index: number): Generator<number> {
    const { marks, count } = this.#rows[index]!
    for (let seq = 0; seq < count; seq++) {
      if ((marks[seq]! & SENT) !== 0 && (marks[seq]! & MARK[station]) === 0) yield seq
    }
  }
}

function grow(row: Row, seq: number): void {
  const size = Math.max(seq + 1, row.marks.length * 2)
  const marks = new Uint8Array(size)
  marks.set(row.marks)
  const sentMs = new Float32Array(size)
  sentMs.set(row.sentMs)
  row.marks = marks
  row.sentMs = sentMs
}
