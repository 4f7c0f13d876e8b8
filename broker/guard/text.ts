/**
 * Strings as they come from clients, judged on their bytes: decoding first would hide what was wrong with them.
 *
 * UTF-8 without surrogates [MQTT-1.5.3-1] and NUL [MQTT-1.5.3-2]; control characters and noncharacters, which the
 * specification lets a server refuse (1.5.3), are refused: nobody names a thing so, and they harm those who print it.
 * Topic names and filters: not empty [MQTT-4.7.3-1], wildcards alone in their level [MQTT-4.7.1-2, 4.7.1-3] and none in
 * a name [MQTT-3.3.2-2]. Empty levels are legal.
 */

export interface TopicLimits {
  readonly maxTopicBytes: number
  readonly maxTopicLevels: number
}

const SPACE = 0x20
const HASH = 0x23
const PLUS = 0x2b
const SLASH = 0x2f
const DELETE = 0x7f

// U+FEFF is a character like others [MQTT-1.5.3-3].
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** C0, C1, and the code points that Unicode promises never to assign. */
export const UNWANTED = /[\p{Cc}\p{Noncharacter_Code_Point}]/u

/** Null: not acceptable. */
export function readText(bytes: Buffer, start: number, end: number): string | null {
  if (isPlain(bytes, start, end)) return bytes.toString('latin1', start, end)
  let text: string
  try {
    text = utf8.decode(bytes.subarray(start, end))
  } catch {
    return null
  }
  return UNWANTED.test(text) ? null : text
}

export function readTopic(bytes: Buffer, start: number, end: number, limits: TopicLimits): string | null {
  if (!isSized(bytes, start, end, limits)) return null
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte === PLUS || byte === HASH) return null
  }
  return readText(bytes, start, end)
}

export function readFilter(bytes: Buffer, start: number, end: number, limits: TopicLimits): string | null {
  if (!isSized(bytes, start, end, limits)) return null
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte !== PLUS && byte !== HASH) continue
    const isFirst = at === start || bytes[at - 1] === SLASH
    const isLast = at + 1 === end || (byte === PLUS && bytes[at + 1] === SLASH)
    if (!isFirst || !isLast) return null
  }
  return readText(bytes, start, end)
}

function isSized(
  bytes: Buffer,
  start: number,
  end: number,
  { maxTopicBytes, maxTopicLevels }: TopicLimits,
): boolean {
  if (end === start || end - start > maxTopicBytes) return false
  let levels = 1
  for (let at = start; at < end; at++) if (bytes[at] === SLASH) levels++
  return levels <= maxTopicLevels
}

function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte < SPACE || byte >= DELETE) return false
  }
  return true
}
