import type { Table } from './table.ts'

export default {
  family: 'shadow',
  stories: {
    'what is reported is, what is desired is a wish': [
      [
        '$aws/things/fan-3/shadow/update',
        { state: { reported: { speed: 2, on: true }, desired: { speed: 3 } } },
        { device: 'fan-3', fields: { speed: 2, on: true } },
      ],
      ['$aws/things/fan-3/shadow/update', { state: { desired: { speed: 3 } } }, 'ignored'],
      ['$aws/things/fan-3/shadow/update/delta', { state: { speed: 3 } }, 'ignored'],
      ['$aws/things/fan-3/shadow/get', '', 'ignored'],
      [
        '$aws/things/fan-3/shadow/update/documents',
        { previous: { state: {} }, current: { state: { reported: { speed: 4 } } }, timestamp: 1_773_144_000 },
        { device: 'fan-3', fields: { speed: 4 }, time: '2026-03-10T12:00:00.000Z' },
      ],
      [
        'site/fan-3/shadow',
        { state: { reported: { gps: { lat: 1.5 } } } },
        { device: 'fan-3', fields: { 'gps.lat': 1.5 } },
      ],
    ],
    'other clouds': [
      [
        'iot-2/type/t/id/fan-3/evt/status/fmt/json',
        { d: { speed: 7 } },
        { device: 'fan-3', fields: { speed: 7 } },
      ],
      [
        '/sys/a1b2/fan-3/thing/event/property/post',
        {
          id: '5',
          params: { speed: { value: 8, time: 1_773_144_000_000 } },
          method: 'thing.event.property.post',
        },
        { device: 'fan-3', fields: { speed: 8 }, time: '2026-03-10T12:00:00.000Z' },
      ],
      [
        '$oc/devices/fan-3/sys/properties/report',
        {
          services: [
            { service_id: 'Motor', properties: { speed: 9 }, event_time: '20260310T120000Z' },
            { service_id: 'Air', properties: { speed: 2 }, event_time: '20260310T120000Z' },
          ],
        },
        [
          { device: 'fan-3', fields: { 'Motor.speed': 9 }, time: '2026-03-10T12:00:00.000Z' },
          { device: 'fan-3', fields: { 'Air.speed': 2 }, time: '2026-03-10T12:00:00.000Z' },
        ],
      ],
      [
        '$sys/p7/fan-3/thing/property/post',
        { params: { speed: { value: 4 } } },
        { device: 'fan-3', fields: { speed: 4 } },
      ],
      ['$sys/p7/fan-3/thing/property/set', { params: { speed: 1 } }, 'ignored'],
      ['/sys/a1b2/fan-3/thing/service/property/set', { params: { speed: 1 } }, 'ignored'],
    ],
    Azure: [
      ['devices/fan-3/messages/devicebound/%24.mid=1', 'x', 'ignored'],
      ['$iothub/twin/PATCH/properties/desired/', { speed: 1 }, 'ignored'],
      ['devices/fan-3/messages/events/%24.ct=json', { speed: 5 }, { device: 'fan-3', fields: { speed: 5 } }],
    ],
  },
} satisfies Table
