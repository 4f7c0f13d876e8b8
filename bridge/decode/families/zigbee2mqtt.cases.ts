import type { Table } from './table.ts'

const exposes = [
  { type: 'numeric', property: 'temperature', unit: '°C' },
  {
    type: 'light',
    features: [
      { property: 'state' },
      { property: 'brightness' },
      { property: 'color', features: [{ property: 'x' }] },
    ],
  },
  { type: 'composite', property: 'motor', features: [{ property: 'speed', unit: 'rpm' }] },
]

export default {
  family: 'zigbee2mqtt',
  stories: {
    'a flat object, with nulls and a nested colour': [
      [
        'zigbee2mqtt/study/desk lamp',
        {
          state: 'ON',
          brightness: 87,
          color: { x: 0.31, y: 0.33 },
          update_available: null,
          last_seen: 1_773_144_000_123,
        },
        {
          device: 'study/desk lamp',
          fields: { state: true, brightness: 87, 'color.x': 0.31 },
          without: ['update_available'],
          time: '2026-03-10T12:00:00.123Z',
        },
      ],
    ],
    'modes stay texts though one is called off': [
      [
        'zigbee2mqtt/trv',
        { system_mode: 'off', preset: 'eco' },
        { device: 'trv', fields: { system_mode: 'off', preset: 'eco' } },
      ],
    ],
    'units, models and names from the list of devices': [
      [
        'zigbee2mqtt/bridge/devices',
        [{ type: 'Router', friendly_name: 'shed', definition: { model: 'X1', vendor: 'ACME', exposes } }],
        'ignored',
      ],
      [
        'zigbee2mqtt/shed',
        { temperature: 4.5, motor: { speed: 1200 } },
        { device: 'shed', fields: { temperature: [4.5, '°C'], 'motor.speed': [1200, 'rpm'] } },
      ],
    ],
    'attributes as topics of their own': [
      ['zigbee2mqtt/shed/humidity', '61.2', { device: 'shed', fields: { humidity: 61.2 } }],
    ],
    availability: [
      [
        'zigbee2mqtt/shed/availability',
        { state: 'offline' },
        { device: 'shed', fields: { available: false } },
      ],
      ['zigbee2mqtt/shed/availability', 'online', { device: 'shed', fields: { available: true } }],
    ],
    'commands, requests and the gateway itself are no readings': [
      ['zigbee2mqtt/shed/set', { state: 'ON' }, 'ignored'],
      ['zigbee2mqtt/shed/set/brightness', '12', 'ignored'],
      ['zigbee2mqtt/shed/get', { state: '' }, 'ignored'],
      ['zigbee2mqtt/shed/get/state', '', 'ignored'],
      ['zigbee2mqtt/bridge/state', { state: 'online' }, 'ignored'],
      ['zigbee2mqtt/bridge/info', { version: '2.1' }, 'ignored'],
      ['upstairs/bridge/groups', [], 'ignored'],
      ['zigbee2mqtt/bridge/request/device/rename', { from: 'a', to: 'b' }, 'ignored'],
      ['zigbee2mqtt/shed', '', 'ignored'],
    ],
  },
} satisfies Table
