/** How deep JSON text is nested, told before it is parsed: what is parsed is walked by code that calls itself. */

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Whether brackets stand within more than `most` others; of text that is no JSON it says something, at the same price. */
export function isTooDeep(text: string, most: number): boolean {
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isInString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) isInString = false
    } else if (code === QUOTE) {
      isInString = true
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > most) return true
    } else if (code === 0x5d || code === 0x7d) {
      depth--
    }
  }
  return false
}
