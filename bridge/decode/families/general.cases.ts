import type { Table } from './table.ts'

/** What carries over to devices that nobody has heard of. */
export default {
  family: 'general',
  stories: {
    'an object: the device is the topic less what it says of the message': [
      [
        'plant/press-3/telemetry',
        { rpm: 1500, ok: true },
        { device: 'press-3', fields: { rpm: 1500, ok: true }, time: null },
      ],
      ['home/den/heater/state', { t: 21.5 }, { device: 'heater', room: 'den', fields: { t: 21.5 } }],
      ['home/hall/door/state', { count: 3 }, { device: 'door', room: 'hall', fields: { count: 3 } }],
      ['/garden/pond', { level: 4 }, { device: 'pond', fields: { level: 4 } }],
      ['fleet/trucks/12/gps', { lat: 1.5 }, { device: 'trucks/12', fields: { 'gps.lat': 1.5 } }],
    ],
    'a plain value: the last level is the field': [
      ['home/den/humidity', '40', { device: 'den', fields: { humidity: 40 } }],
      ['home/den/lamp-1/power/state', '5.5', { device: 'lamp-1', room: 'den', fields: { power: 5.5 } }],
      ['cams/front_door/motion/score', '0.5', { device: 'front_door', fields: { 'motion.score': 0.5 } }],
      ['garage/opener/relay/0', 'ON', { device: 'opener', fields: { 'relay.0': true } }],
      ['hut/BME280/Pressure', '990', { device: 'hut', fields: { 'BME280.Pressure': 990 } }],
      ['sensors/28-00ff11aa22bb/temp', '3.5', { device: '28-00ff11aa22bb', fields: { temp: 3.5 } }],
      ['home/temperature/attic', '9.5', { device: 'attic', fields: { temperature: 9.5 } }],
      ['home/door/last', 'mia', { device: 'door', fields: { last: 'mia' } }],
      ['well-pump/status', 'online', { device: 'well-pump', fields: { status: true } }],
      ['cams/porch/alerts/motion', 'on', { device: 'porch', fields: { 'alerts.motion': true } }],
      ['heat2mqtt/loft-unit/state', { temp: 20.5 }, { device: 'loft-unit', fields: { temp: 20.5 } }],
      ['plugs/desk/dps/19', '412', { device: 'desk', fields: { 'dps.19': 412 } }],
      ['дом/кухня/температура', '22,5', { device: 'кухня', fields: { температура: 22.5 } }],
    ],
    'a node alone, and groups between device and field': [
      ['sensors/node7', '21.5', { device: 'node7', fields: { value: 21.5 } }],
      ['watch/nas/fs/var/used', '71', { device: 'nas', fields: { 'fs.var.used': 71 } }],
      [
        'solar/ZQ8801K077/Energy/Today/import_kWh',
        '4.5',
        { device: 'ZQ8801K077', fields: { 'Energy.Today.import_kWh': [4.5, 'kWh'] } },
      ],
      ['cistern/level/percent', '71', { device: 'cistern', fields: { 'level.percent': 71 } }],
      ['van/battery/current', '-4.5', { device: 'van', fields: { 'battery.current': -4.5 } }],
      ['probe/speed/upload', '41', { device: 'probe', fields: { 'speed.upload': 41 } }],
      ['van/battery/soc', '81', { device: 'van', fields: { 'battery.soc': 81 } }],
      ['meter-hall/grid/import/total', '4.5', { device: 'meter-hall', fields: { 'grid.import.total': 4.5 } }],
      [
        'glasshouse/temperature',
        { max: 31.5 },
        { device: 'glasshouse', fields: { 'temperature.max': 31.5 } },
      ],
      ['van/location', { lat: 52.5 }, { device: 'van', fields: { 'location.lat': 52.5 } }],
      [
        'acme/press-7/events/temperature',
        { max: 81 },
        { device: 'press-7', fields: { 'temperature.max': 81 } },
      ],
      ['gateway1/larder', { temp: 4.5 }, { device: 'larder', fields: { temp: 4.5 } }],
      ['radio/porch-sensor/ble', { rssi: -70 }, { device: 'porch-sensor', fields: { 'ble.rssi': -70 } }],
      ['base/things/press/motor/rpm', '1450', { device: 'press', fields: { 'motor.rpm': 1450 } }],
      [
        'dim2mqtt/hall/light/brightness/status',
        '180',
        { device: 'hall', fields: { 'light.brightness': 180 } },
      ],
      ['solar/shed-bms/cells/7', '3.25', { device: 'shed-bms', fields: { 'cells.7': 3.25 } }],
      ['air/loft/air-data', { score: 87 }, { device: 'loft', fields: { 'air-data.score': 87 } }],
      [
        'heat/loft/flowTemperature',
        { max: 44.5 },
        { device: 'loft', fields: { 'flowTemperature.max': 44.5 } },
      ],
      ['plant/press/device_data', { rpm: 7 }, { device: 'press', fields: { rpm: 7 } }],
      ['acme/hall/press/_historian', { rpm: 7 }, { device: 'press', fields: { rpm: 7 } }],
      ['glances/rpi/cpu/total', '12.5', { device: 'rpi', fields: { 'cpu.total': 12.5 } }],
    ],
    'an identity in the payload, where the topic is shared': [
      ['sensors/data', { id: 'mouse-1', grams: 20 }, { device: 'mouse-1', fields: { grams: 20 } }],
      [
        'plant/gw/data',
        [
          { deviceId: 'a', v1: 1 },
          { deviceId: 'b', v1: 2 },
        ],
        [
          { device: 'a', fields: { v1: 1 } },
          { device: 'b', fields: { v1: 2 } },
        ],
      ],
      [
        'meters/cellar',
        { name: 'cellar', device: 'rx-stick', total: 4.5 },
        { device: 'cellar', fields: { total: 4.5 } },
      ],
      [
        'radio/up',
        { EUI: 'BE7A000000001234', rssi: -90 },
        { device: 'BE7A000000001234', fields: { rssi: -90 } },
      ],
      ['plant/press-3/data', { id: 4711, rpm: 2 }, { device: 'press-3', fields: { rpm: 2 } }],
      [
        'feinstaub/x',
        { esp8266id: '99', sensordatavalues: [{ value_type: 'P1', value: '4.5' }] },
        { device: '99', fields: { P1: 4.5 } },
      ],
    ],
    'envelopes, and objects that are one value': [
      [
        'plant/p/telemetry',
        { ts: 1_773_144_000_123, values: { a: 1.5 } },
        { device: 'p', fields: { a: 1.5 }, time: '2026-03-10T12:00:00.123Z' },
      ],
      ['plant/p/data', { payload: '{"a":2.5}' }, { device: 'p', fields: { a: 2.5 } }],
      [
        'farm/tank/level',
        { value: 55, unit: '%', timestamp: 1_773_144_000 },
        { device: 'tank', fields: { level: [55, '%'] }, time: '2026-03-10T12:00:00.000Z' },
      ],
      ['plant/p/data', { temp: { value: 21.5, unit: 'C' } }, { device: 'p', fields: { temp: [21.5, '°C'] } }],
      [
        'edge/events/x',
        { v: 3, event: { deviceName: 'm-7', readings: [{ resourceName: 'flow', value: '4.5' }] } },
        { device: 'm-7', fields: { flow: 4.5 } },
      ],
      ['plant/p/data', { volts: { Value: 231, Unit: 'V' } }, { device: 'p', fields: { volts: [231, 'V'] } }],
      [
        'hub/status/bath/humidity',
        { val: 61.5, ts: 1_773_144_000_000, ack: true, hub: { iface: 'a' } },
        {
          device: 'bath',
          fields: { humidity: 61.5 },
          time: '2026-03-10T12:00:00.000Z',
          without: ['humidity.val'],
        },
      ],
      [
        'plant/p/data',
        { time: { $date: '2026-03-10T12:00:00Z' }, data: { rpm: 5 } },
        { device: 'p', fields: { rpm: 5 }, time: '2026-03-10T12:00:00.000Z' },
      ],
      ['plant/p/data', { data: { value: 7 } }, { device: 'p', fields: { data: 7 } }],
      ['plant/p/data', { sensor: 'humidity', value: 44 }, { device: 'p', fields: { humidity: 44 } }],
    ],
    'samples with times of their own': [
      [
        'plant/p/batch',
        [
          { ts: 1_773_143_990, a: 1 },
          { ts: 1_773_144_000, a: 2 },
        ],
        [
          { device: 'p', fields: { a: 1 }, time: '2026-03-10T11:59:50.000Z' },
          { device: 'p', fields: { a: 2 }, time: '2026-03-10T12:00:00.000Z' },
        ],
      ],
      [
        'iot/kep/data',
        {
          values: [
            { id: 'C.D.T', v: 4, q: true, t: 1_773_144_000_000 },
            { id: 'C.D.U', v: 5, q: false },
          ],
        },
        { device: 'kep', fields: { 'C.D.T': 4 }, time: '2026-03-10T12:00:00.000Z', without: ['C.D.U'] },
      ],
    ],
    'parts of one time are no samples': [
      [
        'solar/gw/data',
        {
          phases: [
            { at: 'a', ts: 1_773_144_000, watts: 5 },
            { at: 'b', ts: 1_773_144_000, watts: 7 },
          ],
        },
        [
          { device: 'gw', fields: { 'phases.0.watts': 5 }, time: '2026-03-10T12:00:00.000Z' },
          { device: 'gw', fields: { 'phases.1.watts': 7 }, time: '2026-03-10T12:00:00.000Z' },
        ],
      ],
    ],
    'documents on lines of their own': [
      ['lab/n1/probes', '{"a":1}\n{"a":2}\n', { device: 'n1', fields: { 'probes.a': 1 } }],
    ],
    'units beside, behind and in names': [
      [
        'lab/n1/state',
        { temperature: 70, temperature_unit: 'F', flow_m3h: 2.5, depth: '4.5 m' },
        { device: 'n1', fields: { temperature: [70, '°F'], flow_m3h: [2.5, 'm³/h'], depth: [4.5, 'm'] } },
      ],
      ['lab/n1/uptime', '188 seconds', { device: 'n1', fields: { uptime: [188, 's'] } }],
    ],
    'texts that look like numbers': [
      ['lab/n1/ip', '192.168.7.9', { device: 'n1', fields: { ip: '192.168.7.9' } }],
      ['lab/n1/firmware', '1.10', { device: 'n1', fields: { firmware: '1.10' } }],
      ['lab/n1/mode', '3', { device: 'n1', fields: { mode: 3 } }],
      ['lab/n1/mode', 'off', { device: 'n1', fields: { mode: 'off' } }],
      ['lab/n1/code', '0049', { device: 'n1', fields: { code: '0049' } }],
      ['lab/n1/tag', '12e45678', { device: 'n1', fields: { tag: '12e45678' } }],
      [
        'lab/n1/state',
        { sn: '1234', n: '17.5', zip: '01234', temperature: '-2,5', list: '1,2' },
        { device: 'n1', fields: { sn: '1234', n: 17.5, zip: '01234', temperature: -2.5, list: '1,2' } },
      ],
    ],
    'integers beyond 2^53 stay exact': [
      ['lab/n1/count', '9007199254740993', { device: 'n1', fields: { count: 9007199254740993n } }],
      [
        'lab/n1/state',
        '{"c":-9223372036854775808,"d":1.5}',
        { device: 'n1', fields: { c: -9223372036854775808n, d: 1.5 } },
      ],
    ],
    'what is no number is left out': [
      [
        'lab/n1/state',
        '{"a":NaN,"b":-Infinity,"c":1e400,"d":null,"e":"","f":2}',
        { device: 'n1', fields: { f: 2 }, without: ['a', 'b', 'c', 'd', 'e'] },
      ],
      ['lab/n1/x', 'nan', 'ignored'],
      ['lab/n1/x', 'unavailable', 'ignored'],
      ['lab/n1/state', { a: null }, 'ignored'],
      ['lab/n1/x', '  \r\n', 'ignored'],
    ],
    availability: [
      ['lab/n1/LWT', 'Connection Lost', { device: 'n1', fields: { available: false } }],
      ['lab/n1/avty', 'offline', { device: 'n1', fields: { available: false } }],
      ['lab/n1/status', 'online', { device: 'n1', fields: { status: true } }],
    ],
    'two paths to one name: the last counts': [
      ['lab/n1/state', '{"a.b":1,"a":{"b":2}}', { device: 'n1', fields: { 'a.b': 2 } }],
    ],
    'devices that stand apart from their parts, or look like one': [
      [
        'ui/panel7/state/p2b4',
        { event: 'down', val: 1 },
        { device: 'panel7', fields: { 'state.p2b4.val': 1 } },
      ],
      ['power/pzem-2/current', '3.1', { device: 'pzem-2', fields: { current: 3.1 } }],
      [
        'recorders/L-204/upload',
        { device: 'L-204', samples: [{ t: '2026-03-10T11:58:00Z', depth_m: 3.1 }] },
        { device: 'L-204', fields: { depth_m: [3.1, 'm'] }, time: '2026-03-10T11:58:00.000Z' },
      ],
      [
        'edge/line2/data',
        [{ DisplayName: 'Tank', Value: { Value: 61.5, SourceTimestamp: '2026-03-10T11:58:00Z' } }],
        { device: 'line2', fields: { Tank: 61.5 }, time: '2026-03-10T11:58:00.000Z' },
      ],
    ],
    'fields that are called as our tags': [
      [
        'lab/n1/state',
        { room: 'A', topic: 'x', time: 12.5, sub: { time: 3 } },
        {
          device: 'n1',
          fields: { room_: 'A', topic_: 'x', time_: 12.5, 'sub.time': 3 },
          without: ['room', 'topic', 'time'],
        },
      ],
    ],
    'bytes, pictures, logs and broken documents': [
      ['lab/n1/raw', Uint8Array.of(0, 0, 0xac, 0x41), 'rejected'],
      ['lab/n1/label', Uint8Array.of(0x4b, 0xfc, 0x63), 'rejected'],
      ['lab/n1/cam', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 0), 'ignored'],
      ['lab/n1/state', '{"a":1,}', 'rejected'],
      ['lab/n1/state', "{'a': 1}", 'rejected'],
      ['lab/n1/x/set', '1', 'ignored'],
      ['lab/n1/downlink', { port: 1 }, 'ignored'],
      ['$SYS/broker/uptime', '1 seconds', 'ignored'],
      ['lab/n1/logs', 'hello', 'ignored'],
    ],
    'a byte order mark, a NUL at the end, blanks around': [
      ['lab/n1/state', '\ufeff {"a":1}\u0000', { device: 'n1', fields: { a: 1 } }],
      ['lab/n1/level', '   18.40\r\n', { device: 'n1', fields: { level: 18.4 } }],
    ],
  },
} satisfies Table
