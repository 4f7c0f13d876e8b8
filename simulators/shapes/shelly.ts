/**
 * Shelly, both ways of speaking. A field is `<component>.<path>`: `switch:0.apower` for Gen2, `relay/0/power` or
 * `sensor/temperature` for Gen1.
 */

import { metadata, reading, type Shape, type Values } from '../device.ts'
import { nested } from './nested.ts'

/**
 * Gen2 and newer: notifications of all that changed, with their time, and one status document per component when
 * `hasStatusTopics` is set, as in the device's own settings.
 */
export function shellyGen2(id: string, options: { readonly hasStatusTopics?: boolean } = {}): Shape {
  return {
    client: id,
    will: metadata(`${id}/online`, 'false'),
    listens: [`${id}/command/+`, `${id}/rpc`],
    greet: () => [metadata(`${id}/online`, 'true')],
    report: (_about, values, nowMs) => {
      const notified = reading(`${id}/events/rpc`, notification(id, values, nowMs))
      if (options.hasStatusTopics !== true) return [notified]
      const states = byComponent(values).map(([component, status]) =>
        reading(`${id}/status/${component}`, JSON.stringify(status)),
      )
      return [...states, notified]
    },
    understand: (_about, topic, payload) => {
      if (topic.startsWith(`${id}/command/`))
        return [{ field: `${topic.split('/').pop()}.output`, value: payload }]
      if (topic !== `${id}/rpc`) return null
      const request = rpcOf(payload)
      if (request === null) return []
      return [{ field: `${request.component}.output`, value: request.on }]
    },
  }
}

function byComponent(values: Values): [component: string, status: object][] {
  return Object.entries(nested(values)).map(([component, status]) => {
    return [component, { id: Number(component.split(':')[1] ?? 0), ...status }]
  })
}

function notification(id: string, values: Values, nowMs: number): string {
  const params = { ts: nowMs / 1000, ...Object.fromEntries(byComponent(values)) }
  return JSON.stringify({ src: id, dst: `${id}/events`, method: 'NotifyStatus', params })
}

function rpcOf(payload: string): { component: string; on: unknown } | null {
  try {
    const { method, params } = JSON.parse(payload) as {
      method?: string
      params?: { id?: number; on?: unknown }
    }
    if (method === 'Switch.Set') return { component: `switch:${params?.id ?? 0}`, on: params?.on }
    return method === 'Switch.Toggle' ? { component: `switch:${params?.id ?? 0}`, on: 'TOGGLE' } : null
  } catch {
    return null
  }
}

/** Gen1: one plain value a topic, `shellies/<id>/relay/0/command` switches. */
export function shellyGen1(id: string, model = 'SHPLG-S'): Shape {
  const base = `shellies/${id}`
  return {
    client: id,
    will: metadata(`${base}/online`, 'false'),
    listens: [`${base}/relay/+/command`, 'shellies/command'],
    greet: () => [
      metadata(`${base}/online`, 'true'),
      metadata(
        'shellies/announce',
        {
          id,
          model,
          mac: id.slice(-6).padStart(12, '8CAAB5'),
          new_fw: false,
          fw_ver: '20230913-112003/v1.14.0',
        },
        false,
      ),
    ],
    report: (_about, values) =>
      Object.entries(values).map(([path, value]) => {
        const text = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)
        return reading(`${base}/${path}`, text, path.startsWith('relay/') && typeof value === 'boolean')
      }),
    understand: (_about, topic, payload) => {
      const match = /^(relay\/\d+)\/command$/.exec(topic.slice(base.length + 1))
      return match === null || !topic.startsWith(`${base}/`) ? null : [{ field: match[1]!, value: payload }]
    },
  }
}
