/**
 * Homie 5: `homie/5/<device>/<node>/<property>` with plain texts, retained; `$description` tells names, units and
 * datatypes, `$state` the life cycle; `.../set` changes a property. A field is `<node>.<property>`.
 */

import { type About, type Field, metadata, reading, type Shape, titled } from '../device.ts'

export function homie(id: string): Shape {
  const base = `homie/5/${id}`
  return {
    client: id,
    will: metadata(`${base}/$state`, 'lost'),
    listens: [`${base}/+/+/set`],
    greet: about => [
      metadata(`${base}/$state`, 'init'),
      metadata(`${base}/$description`, description(about)),
      metadata(`${base}/$state`, 'ready'),
    ],
    report: (_about, values) =>
      Object.entries(values).map(([path, value]) =>
        reading(`${base}/${path.replace('.', '/')}`, String(value), true),
      ),
    understand: (_about, topic, payload) => {
      const [node, property, set] = topic.slice(base.length + 1).split('/')
      return topic.startsWith(`${base}/`) && set === 'set'
        ? [{ field: `${node}.${property}`, value: payload }]
        : null
    },
  }
}

function description(about: About): object {
  const nodes: Record<string, { name: string; properties: Record<string, object> }> = {}
  for (const [path, field] of Object.entries(about.fields)) {
    const [node, property] = path.split('.') as [string, string]
    nodes[node] ??= { name: titled(node), properties: {} }
    nodes[node].properties[property] = described(property, field)
  }
  return { homie: '5.0', name: about.name, version: 1, nodes }
}

function described(property: string, field: Field): object {
  return {
    name: titled(property),
    datatype: field.isBinary ? 'boolean' : 'float',
    ...(field.unit === undefined ? {} : { unit: field.unit }),
    ...(field.set === undefined ? {} : { settable: true }),
  }
}
