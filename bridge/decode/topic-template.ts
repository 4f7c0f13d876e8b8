/**
 * Topic templates, for families and for rules: `plant/{site}/{device}/{field}`.
 *
 *   {name}      one level, captured          a|b   one of these literals
 *   {name...}   one level or more, captured   +    any one level
 *   #           whatever follows, also nothing (last only)
 *
 * At most one part of a template stretches, so a match is one walk from both ends: nothing can backtrack.
 */

export type Captures = Readonly<Record<string, string>>

export type Template = (levels: readonly string[]) => Captures | undefined

type Part =
  | { readonly kind: 'literal'; readonly texts: readonly string[] }
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'many'; readonly name: string }

/** Throws an Error that says what is wrong: templates are written by people and checked at start. */
export function compileTemplate(template: string): Template {
  const levels = template.split('/')
  const isOpen = levels.at(-1) === '#'
  const parts = (isOpen ? levels.slice(0, -1) : levels).map(parsePart)
  const stretch = parts.findIndex(part => part.kind === 'many')
  const isTwice = parts.findLastIndex(part => part.kind === 'many') !== stretch
  if (isTwice || (isOpen && stretch !== -1))
    throw new Error(`only one part of '${template}' may stretch over levels`)
  const names = parts.flatMap(part => ('name' in part && part.name !== '' ? [part.name] : []))
  if (new Set(names).size < names.length) throw new Error(`'${template}' names a level twice`)

  return topic => {
    const extra = topic.length - parts.length
    if (extra < 0 || (extra > 0 && !isOpen && stretch === -1)) return undefined
    const captures: Record<string, string> = {}
    let level = 0
    for (let i = 0; i < parts.length; i++) {
      const span = i === stretch ? extra + 1 : 1
      if (!take(parts[i]!, topic, level, span, captures)) return undefined
      level += span
    }
    return captures
  }
}

function take(
  part: Part,
  topic: readonly string[],
  from: number,
  span: number,
  captures: Record<string, string>,
): boolean {
  if (part.kind === 'literal') return part.texts.includes(topic[from]!)
  const text = span === 1 ? topic[from]! : topic.slice(from, from + span).join('/')
  if (text === '' && part.name !== '') return false
  if (part.name !== '') captures[part.name] = text
  return true
}

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/

function parsePart(level: string): Part {
  if (level === '+') return { kind: 'one', name: '' }
  if (!level.startsWith('{')) {
    if (/[{}#+]/.test(level))
      throw new Error(`'${level}' must be a whole level: a text, {name}, {name...}, + or a last #`)
    return { kind: 'literal', texts: level.split('|') }
  }
  const isMany = level.endsWith('...}')
  const name = level.slice(1, isMany ? -4 : -1)
  if (!level.endsWith('}') || !NAME.test(name)) throw new Error(`'${level}' is no {name}`)
  return { kind: isMany ? 'many' : 'one', name }
}

/** Replaces `{name}` by what was captured. */
export function fillIn(text: string, captures: Captures): string {
  return text.replace(/\{([A-Za-z][A-Za-z0-9_]*)\}/g, (_, name: string) => captures[name] ?? '')
}
