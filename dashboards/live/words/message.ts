/** Messages in words: what became of them, and their payload as people can read it. */

export interface Outcome {
  readonly kind: 'stored' | 'ignored' | 'held' | 'dropped' | 'other'
  readonly text: string
}

/** From the ledger's words: `stored`, `ignored:duplicate`, `quarantined`, `dropped:forbidden`. */
export function outcomeOf(result: string): Outcome {
  const [word = '', reason = ''] = result.split(':', 2)
  const because = reason === '' ? '' : `, ${reasonWords(reason)}`
  switch (word) {
    case 'stored':
      return { kind: 'stored', text: 'stored' }
    case 'quarantined':
      return { kind: 'held', text: `held${because}` }
    case 'ignored':
    case 'dropped':
      return { kind: word, text: word + because }
    default:
      return { kind: 'other', text: word + because }
  }
}

/** A reason of the ledger as people say it. */
export function reasonWords(reason: string): string {
  return reason.replaceAll('-', ' ').replace('qos0', 'QoS 0,').replace('forbidden', 'not permitted')
}

export interface Payload {
  readonly bytes: Uint8Array
  /** Null when it is not text. */
  readonly text: string | null
}

export function payloadOf(message: { readonly payload?: string; readonly payloadBase64?: string }): Payload {
  if (message.payload !== undefined)
    return { bytes: new TextEncoder().encode(message.payload), text: message.payload }
  const binary = atob(message.payloadBase64 ?? '')
  return { bytes: Uint8Array.from(binary, char => char.charCodeAt(0)), text: null }
}

/** Indented when it is JSON; null when it is not. Numbers keep their digits: they are copied, not parsed. */
export function prettyJson(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
  } catch {
    return null
  }
  let pretty = ''
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '}' || token === ']') {
      depth--
      pretty = /[{[]$/.test(pretty.trimEnd())
        ? pretty.trimEnd() + token
        : `${pretty.trimEnd()}\n${'  '.repeat(depth)}${token}`
    } else if (token === '{' || token === '[') {
      depth++
      pretty += `${token}\n${'  '.repeat(depth)}`
    } else if (token === ',') pretty += `,\n${'  '.repeat(depth)}`
    else pretty += token === ':' ? ': ' : token
  }
  return pretty
}

export interface JsonToken {
  readonly kind: 'key' | 'text' | 'value' | 'plain'
  readonly text: string
}

/** More than this is shown without colours: each token is an element. */
const MOST_COLOURED = 20_000

/** JSON cut where its colours change. */
export function jsonTokens(text: string): readonly JsonToken[] {
  if (text.length > MOST_COLOURED) return [{ kind: 'plain', text }]
  const tokens: JsonToken[] = []
  let at = 0
  for (const match of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g)) {
    if (match.index > at) tokens.push({ kind: 'plain', text: text.slice(at, match.index) })
    const [whole, quoted, colon] = match
    if (quoted !== undefined) tokens.push({ kind: colon === undefined ? 'text' : 'key', text: quoted })
    else tokens.push({ kind: 'value', text: whole })
    if (colon !== undefined) tokens.push({ kind: 'plain', text: colon })
    at = match.index + whole.length
  }
  if (at < text.length) tokens.push({ kind: 'plain', text: text.slice(at) })
  return tokens
}

/** Sixteen bytes a line: place, bytes, and the characters among them. */
export function hexDump(bytes: Uint8Array, most = 1024): string {
  const lines: string[] = []
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const row = [...bytes.subarray(at, at + 16)]
    const hex = row.map(byte => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map(byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`)
  }
  if (bytes.length > most) lines.push(`and ${bytes.length - most} bytes more`)
  return lines.join('\n')
}
