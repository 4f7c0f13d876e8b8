import type { LineParser, Parsed, SeriesField } from '../line-protocol.ts'
import { BOOLEAN, type Kind, NUMBER, TEXT } from './series.ts'
import { DAY_US } from './units.ts'

/** Values of one series within one day, in order of arrival. Booleans are 0 and 1. */
export interface Column {
  readonly series: SeriesField
  readonly kind: Kind
  readonly timesUs: number[]
  readonly values: (number | string)[]
}

/** The values of a batch, sorted out by day and series: what a day's file wants to be given. */
export class Columns {
  /** By day, then by kind. */
  readonly #days = new Map<number, readonly Map<SeriesField, Column>[]>()
  #size = 0

  /** Number of values. */
  get size(): number {
    return this.#size
  }

  /** Adds what the lines say; says why if one cannot be taken, and holds what came before it. */
  read(parser: LineParser, lines: Uint8Array): Parsed {
    let day = -1
    let kinds: readonly Map<SeriesField, Column>[] = []
    let withoutDevice: SeriesField | null = null
    const parsed = parser.parse(lines, (series, value, timeUs) => {
      const dayOfValue = Math.floor(timeUs / DAY_US)
      if (dayOfValue !== day) {
        day = dayOfValue
        kinds = this.#kindsOf(day)
      }
      const kind = typeof value === 'number' ? NUMBER : typeof value === 'boolean' ? BOOLEAN : TEXT
      const columns = kinds[kind]!
      let column = columns.get(series)
      if (!column) {
        if (!series.tags.device) withoutDevice = series
        column = { series, kind, timesUs: [], values: [] }
        columns.set(series, column)
      }
      column.timesUs.push(timeUs)
      // An integer beyond 2^53 is no double: kept exact, as text.
      column.values.push(
        typeof value === 'boolean' ? Number(value) : typeof value === 'bigint' ? `${value}` : value,
      )
      this.#size++
    })
    if (!parsed.ok || !withoutDevice) return parsed
    const { measurement, field } = withoutDevice as SeriesField
    return {
      ok: false,
      reason: `field '${field}' of '${measurement}' comes without a tag 'device'`,
      offset: 0,
    }
  }

  /** Day number since the epoch, and its columns. */
  *days(): Generator<[day: number, columns: Column[]]> {
    for (const [day, kinds] of this.#days) yield [day, kinds.flatMap(columns => [...columns.values()])]
  }

  #kindsOf(day: number): readonly Map<SeriesField, Column>[] {
    let kinds = this.#days.get(day)
    if (!kinds) {
      kinds = [new Map(), new Map(), new Map()]
      this.#days.set(day, kinds)
    }
    return kinds
  }
}
