/** MQTT topics and filters [MQTT-4.7]. Imports nothing; runs in a browser too. */

/** `home/+/#` and the like: `+` stands for one level, a last `#` for the parent and everything below it. */
export function isValidFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false
  const levels = filter.split('/')
  return levels.every((level, i) => {
    if (level === '#') return i === levels.length - 1
    return level === '+' || !(level.includes('+') || level.includes('#'))
  })
}

/** A filter that begins with a wildcard does not match topics that begin with `$` [MQTT-4.7.2-1]. */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false
  let f = 0
  let t = 0
  for (;;) {
    const filterEnd = endOfLevel(filter, f)
    const level = filter.slice(f, filterEnd)
    if (level === '#') return true
    const topicEnd = endOfLevel(topic, t)
    if (level !== '+' && level !== topic.slice(t, topicEnd)) return false
    const isFilterDone = filterEnd === filter.length
    if (topicEnd === topic.length) return isFilterDone || filter.slice(filterEnd) === '/#'
    if (isFilterDone) return false
    f = filterEnd + 1
    t = topicEnd + 1
  }
}

function endOfLevel(text: string, from: number): number {
  const slash = text.indexOf('/', from)
  return slash === -1 ? text.length : slash
}
