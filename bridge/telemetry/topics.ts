/** MQTT topics and filters [MQTT-4.7]. Imports nothing; runs in a browser too. */

const HASH = 35
const PLUS = 43
const SLASH = 47

/** `home/+/#` and the like: `+` stands for one level, a last `#` for the parent and everything below it. */
export function isValidFilter(filter: string): boolean {
  if (filter === '') return false
  for (let i = 0; i < filter.length; i++) {
    const code = filter.charCodeAt(i)
    if (code === 0) return false
    if (code !== HASH && code !== PLUS) continue
    const isWhole = (i === 0 || filter.charCodeAt(i - 1) === SLASH) && isEndOfLevel(filter, i + 1)
    if (!isWhole || (code === HASH && i + 1 < filter.length)) return false
  }
  return true
}

/**
 * A filter that begins with a wildcard does not match topics that begin with `$` [MQTT-4.7.2-1]. One walk along both, a
 * character at a time: of 64 KB of slashes as well.
 */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  let f = 0
  let t = 0
  for (;;) {
    const wildcard = isEndOfLevel(filter, f + 1) ? filter.charCodeAt(f) : 0
    if (wildcard === HASH) return true
    if (wildcard === PLUS) {
      f++
      while (!isEndOfLevel(topic, t)) t++
    } else {
      while (!isEndOfLevel(filter, f) && filter.charCodeAt(f) === topic.charCodeAt(t)) {
        f++
        t++
      }
      if (!isEndOfLevel(filter, f) || !isEndOfLevel(topic, t)) return false
    }
    const isFilterDone = f === filter.length
    // `sport/#` matches `sport` [MQTT-4.7.1-2].
    if (t === topic.length) return isFilterDone || (f + 2 === filter.length && filter.endsWith('/#'))
    if (isFilterDone) return false
    f++
    t++
  }
}

function isEndOfLevel(text: string, at: number): boolean {
  return at >= text.length || text.charCodeAt(at) === SLASH
}
