/** ESPHome: `<node>/<component>/<object>/state` with a plain value, retained; a field is `sensor/co2`, `switch/fan`. */

import { metadata, reading, type Shape, slug } from '../device.ts'
import { entityConfig } from './home-assistant.ts'

export function espHome(node: string, board = 'esp32dev'): Shape {
  return {
    client: node,
    will: metadata(`${node}/status`, 'offline'),
    listens: [`${node}/+/+/command`],
    greet: about => [
      metadata(`${node}/status`, 'online'),
      ...Object.entries(about.fields).map(([path, field]) =>
        entityConfig({
          node,
          object: slug(path.split('/')[1]!),
          field,
          stateTopic: `${node}/${path}/state`,
          commandTopic: `${node}/${path}/command`,
          availability: { availability_topic: `${node}/status` },
          device: {
            identifiers: [node],
            name: about.name,
            manufacturer: 'Espressif',
            model: board,
            sw_version: '2025.10.2',
            suggested_area: about.room,
          },
          origin: { name: 'ESPHome', sw: '2025.10.2', url: 'https://esphome.io' },
        }),
      ),
    ],
    report: (_about, values) =>
      Object.entries(values).map(([path, value]) => {
        const text = typeof value === 'boolean' ? (value ? 'ON' : 'OFF') : String(value)
        return reading(`${node}/${path}/state`, text, true)
      }),
    understand: (_about, topic, payload) => {
      const match = /^(.+)\/command$/.exec(topic.slice(node.length + 1))
      return match === null || !topic.startsWith(`${node}/`) ? null : [{ field: match[1]!, value: payload }]
    },
  }
}
