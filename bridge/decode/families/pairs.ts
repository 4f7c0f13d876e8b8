/**
 * Names and values in a line, as small devices print them: `temp=21.5&hum=40`, `temp: 21.5, hum: 40`, and
 * UltraLight's `t|21.5|h|40`. All of it must be pairs, or the line is a text.
 */

import type { Context, Family, Plan, Result } from '../family.ts'
import { documentResult } from '../results.ts'
import { quantityOf } from '../scalar.ts'

export const pairs: Family = { name: 'pairs', recogniseText }

const MAX_LENGTH = 4_096
const NAME = /^[\p{L}_$][\p{L}\p{N}_.$-]{0,63}$/u

function recogniseText(text: string, plan: Plan, context: Context): Result | undefined {
  if (text.length > MAX_LENGTH || text.includes('\n')) return undefined
  const fields = text.includes('|') ? ultraLight(text) : lineOfPairs(text)
  if (fields === undefined) return undefined
  return documentResult(fields, { ...plan, object: { ...plan.object, isShared: false } }, context)
}

function lineOfPairs(text: string): Record<string, string> | undefined {
  const mark = text.includes('=') ? '=' : ':'
  if (!text.includes(mark)) return undefined
  const separator = ['&', ';', ','].find(char => text.includes(char)) ?? ' '
  const compact = text.replaceAll(`${mark} `, mark)
  const parts = compact.split(separator).filter(part => part.trim() !== '')
  const fields: Record<string, string> = {}
  let numbers = 0
  for (const part of parts) {
    const at = part.indexOf(mark)
    const name = part.slice(0, Math.max(at, 0)).trim()
    const value = part.slice(at + 1).trim()
    if (at === -1 || !NAME.test(name) || value === '' || name === '__proto__') return undefined
    if (quantityOf(value) !== undefined) numbers++
    fields[name] = value
  }
  // `Status: OK` and `12:30` are no measurements; one `temp=21.5` is.
  const isEnough = mark === '=' ? numbers > 0 : numbers > 0 && numbers === parts.length
  return isEnough ? fields : undefined
}

/** FIWARE's UltraLight 2.0, after the part up to `#` that may hold a time. */
function ultraLight(text: string): Record<string, string> | undefined {
  const parts = text.slice(text.indexOf('#') + 1).split('|')
  if (parts.length % 2 === 1) return undefined
  const fields: Record<string, string> = {}
  for (let i = 0; i < parts.length; i += 2) {
    const name = parts[i]!.trim()
    if (!NAME.test(name) || name === '__proto__') return undefined
    fields[name] = parts[i + 1]!.trim()
  }
  return fields
}
