/**
 * Names come from devices and end up in line protocol, URLs and dashboards: a device must not be able to write
 * another's series, nor break a query, nor look like another on a screen.
 *
 * Control characters would start a line of their own (influxdb#9966), a backslash eats the separator after it, and
 * the overrides of writing direction show a name backwards. They are replaced by what can be seen.
 *
 * Two names must not become one by that, or one device would write the series of the other. No replacement can
 * see to it alone (what replaces may be in a name itself), so what was changed carries the mark `~` and 64 bits of
 * the SHA-256 of what it was, and a name that looks marked already is marked once more.
 */

import { hash } from 'node:crypto'

/** Influx holds a series key of 64 KiB; nobody reads a name longer than this. */
export const MAX_NAME_LENGTH = 256

const MARK_LENGTH = 17

/**
 * For raw names that keep series apart: devices, fields, topics, tags. Different names stay different. To be applied
 * once: a marked name is not the name that it was.
 */
export function uniqueName(name: string, maxLength = MAX_NAME_LENGTH): string {
  if (name === '') return '_'
  if (isClean(name, maxLength) && !looksMarked(name)) return name
  // As UTF-16: in UTF-8 all halves of characters are one.
  const digest = hash('sha256', Buffer.from(name, 'utf16le'), 'hex').slice(0, MARK_LENGTH - 1)
  return `${cleanName(name, maxLength - MARK_LENGTH)}~${digest}`
}

/** `time` is no name for a field in line protocol, and a field called as a tag of ours hides that tag from InfluxQL. */
const RESERVED = new Set(['time', 'device', 'topic', 'room'])
/** Spares most names the lookup. */
const MAX_RESERVED_LENGTH = 6

/** For whole names of fields. Of a message that has both, the later counts. */
export function fieldName(name: string): string {
  return name.length <= MAX_RESERVED_LENGTH && RESERVED.has(name) ? `${name}_` : name
}

/** For names of which it is not known whether they went through `uniqueName`: those that did stay as they are. */
export function uniqueOnce(name: string): string {
  return name !== '' && isClean(name, MAX_NAME_LENGTH) ? name : uniqueName(name)
}

/** For what people read: titles, models. A name is never empty; what is clean stays as it is. */
export function cleanName(name: string, maxLength = MAX_NAME_LENGTH): string {
  if (name === '') return '_'
  if (isClean(name, maxLength)) return name
  let out = ''
  for (const char of name.slice(0, maxLength).toWellFormed())
    out += isUnsafe(char.codePointAt(0)!) ? seen(char) : char
  return out.replace(EATING_BACKSLASHES, run => '\u29f5'.repeat(run.length))
}

/** Backslashes before what line protocol escapes, or at the end: from the first of them on they would be ambiguous. */
const EATING_BACKSLASHES = /(?<!\\)\\+(?=[,= "]|$)/g

function seen(char: string): string {
  const code = char.charCodeAt(0)
  // U+2400 onwards are the pictures of the control characters.
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? '\u2421' : '\ufffd'
}

/** Control characters, separators of lines, direction overrides, and what is nothing to see. */
function isUnsafe(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true
  if (code < 0x200b) return false
  return (
    code === 0x200b ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff ||
    (code >= 0xfff9 && code <= 0xfffb)
  )
}

function isClean(name: string, maxLength: number): boolean {
  if (name.length > maxLength) return false
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code === BACKSLASH ? eats(name, i) : isUnsafe(code)) return false
    if (code >= 0xd800 && code < 0xe000 && !name.isWellFormed()) return false
  }
  return true
}

const BACKSLASH = 0x5c
const EATEN = ',= "'

function eats(name: string, at: number): boolean {
  let next = at + 1
  while (name.charCodeAt(next) === BACKSLASH) next++
  return next === name.length || EATEN.includes(name[next]!)
}

function looksMarked(name: string): boolean {
  return name === '_' || (name.charCodeAt(name.length - MARK_LENGTH) === 0x7e && /~[0-9a-f]{16}$/.test(name))
}

/**
 * Rooms become dashboard variables, which end up in regular expressions: a `/` ends one early, and the other
 * metacharacters mean something else there.
 */
export function cleanRoom(room: string): string | undefined {
  if (room.trim() === '') return undefined
  const clean = cleanName(room.trim())
    .replace(/ *[^\p{L}\p{M}\p{N} _-]+ */gu, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^-|-$/g, '')
  return clean === '' ? undefined : clean
}
