/** What a topic filter looks like (4.7, 4.8.2). */

import { type TopicLimits, UNWANTED } from '../guard/text.ts'
import { isShared, sharedFilter } from '../persistence/shared-subscriptions.ts'

/** [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1]; of a shared subscription [MQTT-4.8.2-1], [MQTT-4.8.2-2]. */
export function isTopicFilter(text: string, { maxTopicBytes, maxTopicLevels }: TopicLimits): boolean {
  const filter = isShared(text) ? sharedFilter(text) : text
  if (filter === null || filter === '' || Buffer.byteLength(text) > maxTopicBytes) return false
  const levels = filter.split('/')
  if (levels.length > maxTopicLevels || UNWANTED.test(text)) return false
  return levels.every(
    (level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level),
  )
}

/** Whether we take such a topic name; that it is one, the codec has seen. */
export function isTopicWelcome(topic: string, { maxTopicBytes, maxTopicLevels }: TopicLimits): boolean {
  if (topic.length * 3 > maxTopicBytes && Buffer.byteLength(topic) > maxTopicBytes) return false
  let levels = 1
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) levels++
  return levels <= maxTopicLevels && !UNWANTED.test(topic)
}
