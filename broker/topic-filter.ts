/** Whether a topic matches a filter [MQTT-4.7]. */
export function matchesFilter(filter: string, topic: string): boolean {
  // [MQTT-4.7.2-1]: a wildcard at the beginning does not reach the `$` topics.
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  const filterLevels = filter.split('/')
  const topicLevels = topic.split('/')
  for (let i = 0; i < filterLevels.length; i++) {
    if (filterLevels[i] === '#') return true
    if (i >= topicLevels.length) return false
    if (filterLevels[i] !== '+' && filterLevels[i] !== topicLevels[i]) return false
  }
  return filterLevels.length === topicLevels.length
}
