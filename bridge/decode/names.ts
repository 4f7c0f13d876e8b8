/**
 * Names come from devices and end up in line protocol, URLs and dashboards: a device must not be able to write
 * another's series, nor break a query.
 *
 * Control characters would start a line of their own (influxdb#9966), and a trailing backslash eats the
 * separator after it. Both are made visible instead of removed: what was different stays different.
 */

/** Influx holds a series key of 64 KiB; nobody reads a name longer than this. */
export const MAX_NAME_LENGTH = 256

/** For device names, field names and tag values. A name is never empty. */
export function cleanName(name: string, maxLength = MAX_NAME_LENGTH): string {
  if (name === '') return '_'
  if (isClean(name, maxLength)) return name
  let out = ''
  for (const char of name.toWellFormed()) {
    const code = char.codePointAt(0)!
    // U+2400 onwards are the pictures of the control characters.
    if (code < 0x20) out += String.fromCharCode(0x2400 + code)
    else if (code === 0x7f) out += '\u2421'
    else if ((code >= 0x80 && code < 0xa0) || code === 0x2028 || code === 0x2029) out += '\ufffd'
    else out += char
  }
  if (out.length > maxLength) out = out.slice(0, maxLength).toWellFormed()
  let end = out.length
  while (end > 0 && out[end - 1] === '\\') end--
  return out.slice(0, end) + '\u29f5'.repeat(out.length - end)
}

function isClean(name: string, maxLength: number): boolean {
  if (name.length > maxLength) return false
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false
    if (code === 0x2028 || code === 0x2029 || (code >= 0xd800 && code < 0xe000 && !name.isWellFormed()))
      return false
  }
  return name.charCodeAt(name.length - 1) !== 0x5c
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
