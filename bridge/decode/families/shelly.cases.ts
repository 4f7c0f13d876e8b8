import type { Table } from './table.ts'

export default {
  family: 'shelly',
  stories: {
    'units that no message tells': [
      ['shellies/pm-1/relay/0/power', '45.2', { device: 'pm-1', fields: { 'relay.0.power': [45.2, 'W'] } }],
      [
        'shellies/pm-1/relay/0/energy',
        '5432',
        { device: 'pm-1', fields: { 'relay.0.energy': [5432, 'Wmin'] } },
      ],
      [
        'shellies/em-1/emeter/1/total',
        '981.2',
        { device: 'em-1', fields: { 'emeter.1.total': [981.2, 'Wh'] } },
      ],
      [
        'shellies/ht-1/sensor/temperature',
        '20.1',
        { device: 'ht-1', fields: { 'sensor.temperature': 20.1 } },
      ],
      [
        'hall/status/switch:0',
        { id: 0, output: true, apower: 12.5, voltage: 231, aenergy: { total: 8.4, by_minute: [1, 2] } },
        {
          device: 'hall',
          fields: {
            'switch:0.apower': [12.5, 'W'],
            'switch:0.voltage': [231, 'V'],
            'switch:0.aenergy.total': [8.4, 'Wh'],
            'switch:0.aenergy.by_minute.1': [2, 'mWh'],
          },
        },
      ],
      [
        'hall/events/rpc',
        {
          src: 'shelly-a',
          method: 'NotifyStatus',
          params: { 'em:0': { total_act_power: 802, n_current: 0.4 } },
        },
        { device: 'hall', fields: { 'em:0.total_act_power': [802, 'W'], 'em:0.n_current': [0.4, 'A'] } },
      ],
    ],
    'Gen1: the rest of the topic is the field': [
      ['shellies/em-9/emeter/1/power', '-20.5', { device: 'em-9', fields: { 'emeter.1.power': -20.5 } }],
      ['shellies/plug-9/relay/0', 'on', { device: 'plug-9', fields: { 'relay.0': true } }],
      ['shellies/cellar/dw-9/sensor/lux', '40', { device: 'cellar/dw-9', fields: { 'sensor.lux': 40 } }],
      [
        'shellies/ix-9/input_event/0',
        { event: 'L', event_cnt: 3 },
        { device: 'ix-9', fields: { 'input_event.0.event': 'L' } },
      ],
      [
        'shellies/plug-9/info',
        { unixtime: 0, wifi_sta: { rssi: -50 } },
        { device: 'plug-9', fields: { 'wifi_sta.rssi': -50 }, time: null },
      ],
    ],
    'Gen2: a component and its object': [
      [
        'cellar/shellyplus/status/switch:1',
        { id: 1, output: true, temperature: { tC: 40.5 } },
        {
          device: 'cellar/shellyplus',
          fields: { 'switch:1.output': true, 'switch:1.temperature.tC': [40.5, '°C'] },
        },
      ],
    ],
    'Gen2: notifications and answers': [
      [
        'shellies/plus-9/events/rpc',
        {
          src: 'shellyplus-9',
          method: 'NotifyStatus',
          params: { ts: 1_773_144_000.5, 'input:0': { state: true } },
        },
        { device: 'plus-9', fields: { 'input:0.state': true }, time: '2026-03-10T12:00:00.500Z' },
      ],
      [
        'plus-9/events/rpc',
        {
          src: 'plus-9',
          method: 'NotifyEvent',
          params: { ts: 1_773_144_000, events: [{ component: 'input:2', event: 'long_push' }] },
        },
        { device: 'plus-9', fields: { 'input:2.event': 'long_push' } },
      ],
      [
        'panel/rpc',
        { id: 3, src: 'plus-9', result: { apower: 12.5 } },
        { device: 'plus-9', fields: { apower: 12.5 } },
      ],
    ],
    'seconds since boot are no time': [
      [
        'plus-9/events/rpc',
        { method: 'NotifyStatus', params: { ts: 2.5, 'switch:0': { output: true } } },
        { device: 'plus-9', fields: { 'switch:0.output': true }, time: null },
      ],
    ],
    'requests, errors and announcements': [
      ['plus-9/rpc', { id: 1, src: 'panel', method: 'Switch.Toggle', params: { id: 0 } }, 'ignored'],
      ['panel/rpc', { id: 3, src: 'plus-9', error: { code: 404 } }, 'ignored'],
      ['shellies/announce', { id: 'plug-9', model: 'SHPLG' }, 'ignored'],
      ['shellies/plug-9/relay/0/command', 'on', 'ignored'],
    ],
  },
} satisfies Table
