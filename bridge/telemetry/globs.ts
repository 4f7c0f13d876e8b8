/** Globs for names: `*` stands for any text, also with `/` and `.` in it, `?` for one character. Case counts. */
export function matchesGlob(glob: string, text: string): boolean {
  return glob.length * text.length <= FEW_STEPS ? matchesBySteps(glob, text) : matchesByBits(glob, text)
}

/** Up to so many steps cost less than what the other way sets up: 0.02 ms. */
const FEW_STEPS = 20_000

/** Only the last star is ever tried again: at most glob x text steps. */
function matchesBySteps(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  let star = -1
  let retry = 0
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++
      retry = t
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++
      t++
    } else if (star !== -1) {
      g = star + 1
      t = ++retry
    } else return false
  }
  while (glob[g] === '*') g++
  return g === glob.length
}

/** Whatever stands between two stars is looked for once, from left to right: the first place is as good as any. */
function matchesByBits(glob: string, text: string): boolean {
  const parts = glob.split('*')
  const first = parts[0]!
  if (parts.length === 1) return text.length === glob.length && fitsAt(glob, text, 0)
  const last = parts.at(-1)!
  const end = text.length - last.length
  if (end < first.length || !fitsAt(first, text, 0) || !fitsAt(last, text, end)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    if (part === '') continue
    at = endOfFirst(part, text, at, end)
    if (at === -1) return false
  }
  return true
}

function fitsAt(part: string, text: string, at: number): boolean {
  for (let i = 0; i < part.length; i++) if (part[i] !== '?' && part[i] !== text[at + i]) return false
  return true
}

const WORD = 31

/**
 * Where the first occurrence between `from` and `to` ends; -1: there is none. A bit for each beginning of `part` that
 * the text could be in the middle of, all moved on together with each character (Baeza-Yates and Gonnet): text x
 * part / 31 steps, whatever they hold.
 */
function endOfFirst(part: string, text: string, from: number, to: number): number {
  const words = Math.ceil(part.length / WORD)
  const anyChar = new Uint32Array(words)
  const byChar = new Map<string, Uint32Array>()
  for (let i = 0; i < part.length; i++) if (part[i] === '?') setBit(anyChar, i)
  for (let i = 0; i < part.length; i++) {
    if (part[i] === '?') continue
    const mask = byChar.get(part[i]!) ?? anyChar.slice()
    setBit(mask, i)
    byChar.set(part[i]!, mask)
  }
  const state = new Uint32Array(words)
  const lastWord = words - 1
  const lastBit = 1 << ((part.length - 1) % WORD)
  for (let t = from; t < to; t++) {
    const mask = byChar.get(text[t]!) ?? anyChar
    let carry = 1
    for (let w = 0; w < words; w++) {
      const moved = (state[w]! << 1) | carry
      carry = (state[w]! >>> (WORD - 1)) & 1
      state[w] = moved & mask[w]!
    }
    if ((state[lastWord]! & lastBit) !== 0) return t + 1
  }
  return -1
}

function setBit(bits: Uint32Array, i: number): void {
  bits[Math.floor(i / WORD)]! |= 1 << (i % WORD)
}
