import type { Table } from './table.ts'

const ids = { device_id: 'tank-2', dev_eui: '0011223344556677' }
const info = { deviceName: 'tank 2', devEui: '0011223344556677', deviceProfileName: 'Level' }

export default {
  family: 'lorawan',
  stories: {
    'The Things Stack': [
      [
        'v3/farm@ttn/devices/tank-2/up',
        {
          end_device_ids: ids,
          received_at: '2026-03-10T11:00:00.500Z',
          uplink_message: {
            f_port: 1,
            decoded_payload: { level: 1.5 },
            rx_metadata: [{ rssi: -90, timestamp: 4_000_000_000 }],
          },
        },
        { device: 'tank-2', fields: { level: 1.5, rssi: -90 }, time: '2026-03-10T11:00:00.500Z' },
      ],
      [
        'v3/farm@ttn/devices/tank-2/up',
        { end_device_ids: ids, uplink_message: { frm_payload: 'AQI=' } },
        { device: 'tank-2', fields: { frm_payload: 'AQI=' } },
      ],
      ['v3/farm@ttn/devices/tank-2/join', { end_device_ids: ids, join_accept: {} }, 'ignored'],
      [
        'farm/devices/tank-2/up',
        {
          dev_id: 'tank-2',
          hardware_serial: '00',
          payload_fields: { level: 2.5 },
          metadata: { time: '2026-03-10T11:00:00Z' },
        },
        { device: 'tank-2', fields: { level: 2.5 }, time: '2026-03-10T11:00:00.000Z' },
      ],
    ],
    ChirpStack: [
      [
        'application/7/device/0011223344556677/event/up',
        {
          time: '2026-03-10T11:00:00+00:00',
          deviceInfo: info,
          object: { level: 1.5, battery: { low: false } },
        },
        { device: 'tank 2', fields: { level: 1.5, 'battery.low': false }, time: '2026-03-10T11:00:00.000Z' },
      ],
      [
        'application/7/device/0011223344556677/event/status',
        { deviceInfo: info, batteryLevel: 87.5 },
        { device: 'tank 2', fields: { batteryLevel: 87.5 } },
      ],
      [
        'application/7/device/0011223344556677/event/join',
        { deviceInfo: info, devAddr: '00112233' },
        'ignored',
      ],
      [
        'application/7/device/0011223344556677/rx',
        { applicationID: '7', deviceName: 'tank 2', devEUI: 'AA', objectJSON: '{"level":3.5}' },
        { device: 'tank 2', fields: { level: 3.5 } },
      ],
      [
        'milesight/hall/uplink',
        { applicationID: '7', deviceName: 'tank 2', devEUI: 'AA', fPort: 85, data: 'AQ==', level: 4.5 },
        { device: 'tank 2', fields: { level: 4.5 }, without: ['fPort', 'data'] },
      ],
    ],
  },
} satisfies Table
