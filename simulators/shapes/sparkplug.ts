/**
 * Sparkplug B: `spBv1.0/<group>/<type>/<node>[/<device>]` with protobuf. Births tell every metric with its alias and
 * unit, data messages the aliases only; `NCMD` with `Node Control/Rebirth` asks for the births again, `DCMD` sets a
 * metric. Each node counts its messages from 0 to 255.
 */

import { type About, metadata, reading, type Shape, type Values } from '../device.ts'
import { commandedMetrics, encodeSparkplug, type Metric } from './sparkplug-payload.ts'

/** One device below a node of its own: the node's sequence is then the shape's. */
export function sparkplug(group: string, node: string, device: string): Shape {
  const topic = (type: string): string => `spBv1.0/${group}/${type}/${node}`
  const deviceTopic = (type: string): string => `${topic(type)}/${device}`
  const bdSeq: Metric = { name: 'bdSeq', type: 'long', value: 0 }
  let seq = 0
  const nextSeq = (): number => {
    seq = (seq + 1) % 256
    return seq
  }
  return {
    client: `${group}-${node}-${device}`.toLowerCase(),
    will: metadata(topic('NDEATH'), encodeSparkplug({ metrics: [bdSeq] }), false),
    listens: [topic('NCMD'), deviceTopic('DCMD')],
    greet: (about, nowMs) => {
      seq = 0
      const rebirth: Metric = { name: 'Node Control/Rebirth', type: 'boolean', value: false }
      const node = encodeSparkplug({ timeMs: nowMs, metrics: [bdSeq, rebirth], seq })
      const metrics = Object.entries(about.fields).map(([name, field], alias) => {
        return { ...metricOf(name, field.read(nowMs)), alias, unit: field.unit, timeMs: nowMs }
      })
      const born = encodeSparkplug({ timeMs: nowMs, metrics, seq: nextSeq() })
      return [metadata(topic('NBIRTH'), node, false), metadata(deviceTopic('DBIRTH'), born, false)]
    },
    report: (about, values, nowMs) => {
      const metrics = dataOf(about, values, nowMs)
      return [reading(deviceTopic('DDATA'), encodeSparkplug({ timeMs: nowMs, metrics, seq: nextSeq() }))]
    },
    understand: (_about, commandTopic, _text, payload) => {
      const wanted = commandedMetrics(payload)
      if (commandTopic === topic('NCMD'))
        return wanted.some(({ name }) => name === 'Node Control/Rebirth') ? 'greet' : []
      return wanted.map(({ name, value }) => ({ field: name, value }))
    },
  }
}

function dataOf(about: About, values: Values, nowMs: number): Metric[] {
  return Object.keys(about.fields).map((name, alias) => {
    const { type, value } = metricOf(name, values[name])
    return { type, value, alias, timeMs: nowMs }
  })
}

function metricOf(name: string, value: unknown): Metric {
  if (typeof value === 'boolean') return { name, type: 'boolean', value }
  return typeof value === 'number'
    ? { name, type: 'double', value }
    : { name, type: 'string', value: String(value) }
}
