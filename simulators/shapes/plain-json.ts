/**
 * What people write themselves: `home/<room>/<device>/state` with flat JSON, the device's own time in `ts`
 * (milliseconds), `.../availability`, and `.../set` with the same keys. It keeps what it measured while offline.
 */

import { type Change, metadata, reading, type Shape, slug } from '../device.ts'
import { entityConfig } from './home-assistant.ts'

export interface PlainOptions {
  /** Whether the payload carries its time. */
  readonly hasTime?: boolean
}

export function plainJson(room: string, id: string, options: PlainOptions = {}): Shape {
  const hasTime = options.hasTime ?? true
  const base = `home/${slug(room, '-')}/${id}`
  return {
    client: id,
    will: metadata(`${base}/availability`, 'offline'),
    keepsOffline: hasTime,
    listens: [`${base}/set`, `${base}/set/+`],
    greet: about => [
      metadata(`${base}/availability`, 'online'),
      ...Object.entries(about.fields).map(([name, field]) =>
        entityConfig({
          node: id.replaceAll('-', '_'),
          object: name,
          field,
          stateTopic: `${base}/state`,
          template: `{{ value_json.${name} }}`,
          commandTopic: `${base}/set/${name}`,
          availability: { availability_topic: `${base}/availability` },
          device: { identifiers: [id], name: about.name, model: 'self-made', suggested_area: about.room },
          origin: { name: 'trestle-simulator' },
        }),
      ),
    ],
    report: (_about, values, nowMs) => [
      reading(`${base}/state`, JSON.stringify(hasTime ? { ...values, ts: Math.round(nowMs) } : values)),
    ],
    understand: (_about, topic, payload) => {
      if (topic === `${base}/set`) return changesOf(payload)
      const [before, field] = topic.split('/set/')
      return before === base && field !== undefined ? [{ field, value: payload }] : null
    },
  }
}

function changesOf(payload: string): Change[] {
  try {
    const wanted: unknown = JSON.parse(payload)
    if (typeof wanted !== 'object' || wanted === null) return []
    return Object.entries(wanted).map(([field, value]) => ({ field, value }))
  } catch {
    return []
  }
}
