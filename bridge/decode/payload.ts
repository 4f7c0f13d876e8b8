/**
 * A message's bytes, read at most once in each form: as text, as JSON. What its sender says of them counts where the
 * bytes alone leave it open: many say nothing, and some say something wrong.
 */

import { isUtf8 } from 'node:buffer'
import { type Json, mendJson, parseJson } from './json.ts'
import { NO_NUMBER, NO_ROW, rowNumbered, rowNumberOf, rowOf } from './key-rows.ts'
import type { Key } from './keys.ts'
import { arePlainNumbers, objectOf, parsePlainNumbers } from './plain-numbers.ts'
import { isObject } from './shape.ts'

/** What the messages of a topic are like: the last one, as a rule. */
export interface Usual {
  /** Of its row of keys, when it was an object of plain numbers; else NO_NUMBER. */
  rowNumber: number
}

/** An object of them. */
export interface PlainNumbers {
  readonly row: readonly Key[]
  readonly rowNumber: number
  /** In the order of the row. */
  readonly numbers: readonly number[]
}

export class Payload {
  readonly bytes: Buffer
  /** Without parameters, in small letters; '': the sender does not say. */
  readonly contentType: string
  /** Its sender says that it is UTF-8 text. */
  readonly isDeclaredText: boolean
  readonly #usual: Usual
  #text: string | null | undefined
  #json: Json | undefined
  /** Null: it is something else. */
  #numbers: PlainNumbers | null | undefined

  constructor(bytes: Uint8Array, usual: Usual, contentType: string | null = null, isDeclaredText = false) {
    this.#usual = usual
    this.isDeclaredText = isDeclaredText
    this.contentType = contentType === null ? '' : contentType.split(';', 1)[0]!.trim().toLowerCase()
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Null when the bytes are no text: not UTF-8, or with NUL bytes inside (UTF-16, binary). */
  text(): string | null {
    if (this.#text === undefined) this.#text = isBinary(this.contentType) ? null : textOf(this.bytes)
    return this.#text
  }

  /** Undefined when the payload is no JSON object or array. */
  json(): Json | undefined {
    if (this.#json === undefined) {
      const plain = this.plainNumbers()
      if (plain !== undefined) {
        this.#json = objectOf(plain.row, plain.numbers)
      } else {
        const text = this.text()
        if (text !== null && startsDocument(text)) this.#json = parseJson(text) ?? mendJson(text)
        this.#learn()
      }
    }
    return this.#json
  }

  /** At a third of the price, when it is an object of numbers like the last one on its topic; undefined for all else. */
  plainNumbers(): PlainNumbers | undefined {
    if (this.#numbers !== undefined) return this.#numbers ?? undefined
    const { rowNumber } = this.#usual
    const row = rowNumbered(rowNumber)
    const isOther = row === NO_ROW || isBinary(this.contentType)
    const numbers = isOther ? undefined : parsePlainNumbers(this.bytes, row)
    this.#numbers = numbers === undefined ? null : { row, rowNumber, numbers }
    return this.#numbers ?? undefined
  }

  #learn(): void {
    const json = this.#json
    const isPlain = isObject(json) && arePlainNumbers(json, rowOf(json))
    this.#usual.rowNumber = isPlain ? rowNumberOf(json) : NO_NUMBER
  }
}

/** Short binary data may happen to be UTF-8. */
function isBinary(contentType: string): boolean {
  return contentType.endsWith('cbor') || contentType.endsWith('protobuf') || contentType.endsWith('msgpack')
}

/** Pictures and sounds are no telemetry. */
export function isMedia(contentType: string): boolean {
  return contentType !== '' && /^(image|audio|video)\//.test(contentType)
}

/** What begins like an object or an array is meant as JSON, and broken when it does not parse. */
export function startsDocument(text: string): boolean {
  const first = text.charCodeAt(0)
  if (first === 0x7b) return true
  return first === 0x5b && '{[]"-0123456789tfn \r\n\t'.includes(text[1] ?? 'x')
}

const BOM = '\ufeff'

function textOf(bytes: Buffer): string | null {
  let text = bytes.toString('utf8')
  // What is no UTF-8 comes out with this in it, and hardly any other text has it.
  if (text.includes('\ufffd') && !isUtf8(bytes)) return null
  if (text.startsWith(BOM)) text = text.slice(1)
  // C strings are often sent with their end.
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 0) end--
  // Nothing but NULs is a number in binary.
  if (end === 0 && text !== '') return null
  text = text.slice(0, end).trim()
  return text.includes('\0') ? null : text
}

/** Pictures, by their first bytes: sound messages, but no telemetry. */
export function isPicture(bytes: Buffer): boolean {
  if (bytes.length < 12) return false
  const start = bytes.toString('latin1', 0, 12)
  return (
    start.startsWith('\xff\xd8\xff') ||
    start.startsWith('\x89PNG') ||
    start.startsWith('GIF8') ||
    (start.startsWith('RIFF') && start.endsWith('WEBP')) ||
    start.slice(4, 8) === 'ftyp'
  )
}

/** The same, in base64 or as a data URL. */
export function isPictureText(text: string): boolean {
  return text.startsWith('data:image/') || text.startsWith('/9j/4AAQ') || text.startsWith('iVBORw0KGgo')
}
