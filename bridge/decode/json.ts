/**
 * JSON as devices write it: integers beyond 2^53 stay exact, NaN and Infinity (which several firmwares print)
 * mean "no value", and several documents may stand on lines of their own.
 */

export type Json = string | number | boolean | bigint | null | Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** The parsed document; undefined when the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return hasLongNumber(text) ? JSON.parse(text, exactInteger) : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A second try for texts that are not JSON as they stand: NaN and its like become null. */
export function mendJson(text: string): Json | undefined {
  const mended = withoutNaN(text)
  return mended === text ? undefined : parseJson(mended)
}

/** A message has no more documents; what follows is left out, and said to be. */
export const MAX_LINES = 5_000

/** A document on each line; undefined when one of them is none. */
export function jsonLines(text: string): Json[] | undefined {
  const lines = text.split('\n', MAX_LINES + 1).filter(line => line.trim() !== '')
  if (lines.length < 2) return undefined
  const documents: Json[] = []
  for (const line of lines) {
    const json = parseJson(line) ?? mendJson(line)
    if (json === undefined) return undefined
    documents.push(json)
  }
  return documents
}

/**
 * Sixteen digits in a row may exceed 2^53. The reviver costs several times the parse itself, so it is only used
 * when this scan finds some (in strings too: harmless).
 */
function hasLongNumber(text: string): boolean {
  // Any run of 16 covers one of the positions 15, 31, 47 ...: most texts are judged by a few looks.
  for (let i = 15; i < text.length; i += 16) {
    if (!isDigit(text.charCodeAt(i))) continue
    let start = i
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--
    let end = i + 1
    while (end < text.length && isDigit(text.charCodeAt(end))) end++
    if (end - start >= 16) return true
  }
  return false
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

const INTEGER = /^-?\d{1,40}$/

function exactInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value
}

const NOT_A_NUMBER = [
  'NaN',
  'nan',
  'NAN',
  '-nan',
  '-NaN',
  'Infinity',
  '-Infinity',
  'inf',
  '-inf',
  'Inf',
  '-Inf',
  'INF',
]

/** One pass; what stands inside strings is left alone. */
function withoutNaN(text: string): string {
  let out = ''
  let from = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (isInString) {
      if (char === '\\') i++
      else if (char === '"') isInString = false
      continue
    }
    if (char === '"') isInString = true
    if (char !== ':' && char !== ',' && char !== '[') continue
    let start = i + 1
    while (text[start] === ' ') start++
    const word = NOT_A_NUMBER.find(name => text.startsWith(name, start) && isEnd(text[start + name.length]))
    if (word === undefined) continue
    out += `${text.slice(from, start)}null`
    from = start + word.length
    i = from - 1
  }
  return from === 0 ? text : out + text.slice(from)
}

function isEnd(char: string | undefined): boolean {
  return char === ',' || char === '}' || char === ']' || char === ' ' || char === '\r' || char === '\n'
}
