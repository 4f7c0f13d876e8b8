/** Globs for names: `*` stands for any text, also with `/` and `.` in it, `?` for one character. Case counts. */
export function matchesGlob(glob: string, text: string): boolean {
  let g = 0
  let t = 0
  let star = -1
  let retry = 0
  // Only the last star is ever tried again: at most glob x text steps.
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
