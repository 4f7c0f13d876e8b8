import type { Table } from './table.ts'

export default {
  family: 'esphome',
  stories: {
    'a component and its object': [
      ['porch/sensor/lux/state', '812.5', { device: 'porch', fields: { lux: 812.5 } }],
      ['porch/binary_sensor/bell/state', 'OFF', { device: 'porch', fields: { bell: false } }],
      [
        'site/porch/text_sensor/version/state',
        '2026.2.1 Feb',
        { device: 'site/porch', fields: { version: '2026.2.1 Feb' } },
      ],
      [
        'porch/light/lamp/state',
        { state: 'ON', color: { r: 9 } },
        { device: 'porch', fields: { 'lamp.state': true, 'lamp.color.r': 9 } },
      ],
      [
        'porch/climate/heater/target_temperature/state',
        '20',
        { device: 'porch', fields: { 'heater.target_temperature': 20 } },
      ],
    ],
    'an object where ESPHome has plain values': [
      ['system/sensor/rpi/state', { load: 1.5 }, { device: 'rpi', fields: { load: 1.5 } }],
    ],
    'no value, logs, commands and discovery': [
      ['porch/sensor/lux/state', 'nan', 'ignored'],
      ['porch/debug', '\u001b[0;36m[D][x:1]: hello', 'ignored'],
      ['porch/switch/relay/command', 'ON', 'ignored'],
      ['esphome/discover/porch', { name: 'porch', friendly_name: 'Porch', board: 'd1' }, 'ignored'],
    ],
  },
} satisfies Table
