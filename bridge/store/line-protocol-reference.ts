/**
 * For the tests: InfluxDB's line protocol read a second time, strictly, from its documentation and from nothing of ours.
 * https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
 *
 * Whatever is not exactly a point is an Error: a newline in a name, two tags of one name, text behind the timestamp.
 */

import type { Value } from '../telemetry/reading.ts'

export interface Point {
  readonly measurement: string
  readonly tags: ReadonlyMap<string, string>
  readonly fields: ReadonlyMap<string, Value>
  readonly timeNs: bigint
}

export function referencePoints(text: string): Point[] {
  const scanner = new Scanner(text)
  const points: Point[] = []
  while (!scanner.isDone()) points.push(scanner.point())
  return points
}

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  isDone(): boolean {
    return this.#at === this.#text.length
  }

  point(): Point {
    if (this.#peek() === '#') throw this.#error('a comment')
    const measurement = this.#name(', ', ', ')
    const tags = new Map<string, string>()
    while (this.#peek() === ',') {
      this.#take(',')
      const key = this.#key()
      this.#take('=')
      this.#put(tags, key, this.#name(', ', ',= '))
    }
    this.#take(' ')
    const fields = new Map<string, Value>()
    for (;;) {
      const key = this.#key()
      this.#take('=')
      this.#put(fields, key, this.#value())
      if (this.#peek() !== ',') break
      this.#take(',')
    }
    this.#take(' ')
    const digits = this.#while(char => char >= '0' && char <= '9')
    if (digits === '' || digits.length > 19) throw this.#error('no timestamp')
    this.#take('\n')
    return { measurement, tags, fields, timeNs: BigInt(digits) }
  }

  #key(): string {
    const key = this.#name('=', ',= ')
    if (key === 'time') throw this.#error('time as a name')
    return key
  }

  /** Up to one of `ends`; a backslash stands for itself unless one of `escaped` follows. */
  #name(ends: string, escaped: string): string {
    let name = ''
    for (;;) {
      const char = this.#peek()
      if (char === '') throw this.#error('a name without an end')
      if (char < ' ' || char === '\x7f') throw this.#error('a control character in a name')
      const next = this.#text[this.#at + 1] ?? ''
      if (char === '\\' && escaped.includes(next) && next !== '') {
        name += next
        this.#at += 2
        continue
      }
      // InfluxDB takes the backslash from `\"` in field names.
      if (char === '\\' && next === '"') throw this.#error('an escaped quote in a name')
      if (ends.includes(char)) break
      if (escaped.includes(char)) throw this.#error(`a bare ${JSON.stringify(char)} in a name`)
      name += char
      this.#at++
    }
    if (name === '') throw this.#error('an empty name')
    return name
  }

  #value(): Value {
    if (this.#peek() === '"') return this.#string()
    const word = this.#while(char => char !== ',' && char !== ' ' && char !== '\n')
    if (word === 'true' || word === 'false') return word === 'true'
    if (/^-?\d{1,19}i$/.test(word)) return BigInt(word.slice(0, -1))
    if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(word)) throw this.#error(`the value ${JSON.stringify(word)}`)
    const value = Number(word)
    if (!Number.isFinite(value)) throw this.#error(`the number ${word}`)
    return value
  }

  #string(): string {
    this.#take('"')
    let text = ''
    for (;;) {
      const char = this.#peek()
      if (char === '') throw this.#error('a string without an end')
      this.#at++
      if (char === '"') return text
      const next = this.#peek()
      if (char === '\\' && (next === '"' || next === '\\')) {
        text += next
        this.#at++
      } else text += char
    }
  }

  #put<V>(map: Map<string, V>, key: string, value: V): void {
    if (map.has(key)) throw this.#error(`the name ${JSON.stringify(key)} twice`)
    map.set(key, value)
  }

  #while(isWanted: (char: string) => boolean): string {
    const start = this.#at
    while (!this.isDone() && isWanted(this.#peek())) this.#at++
    return this.#text.slice(start, this.#at)
  }

  #peek(): string {
    return this.#text[this.#at] ?? ''
  }

  #take(char: string): void {
    if (this.#peek() !== char)
      throw this.#error(`${JSON.stringify(this.#peek())} for ${JSON.stringify(char)}`)
    this.#at++
  }

  #error(what: string): Error {
    return new Error(`${what} at ${this.#at} of ${JSON.stringify(this.#text)}`)
  }
}
