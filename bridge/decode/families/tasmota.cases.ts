import type { Table } from './table.ts'

export default {
  family: 'tasmota',
  stories: {
    'units that no message tells': [
      [
        'tele/plug/SENSOR',
        { ENERGY: { Total: 12.3, Power: [45, 46], Voltage: 231, Factor: 0.9 }, SHT3X: { Humidity: 51 } },
        {
          device: 'plug',
          fields: {
            'ENERGY.Total': [12.3, 'kWh'],
            'ENERGY.Power.1': [46, 'W'],
            'ENERGY.Voltage': [231, 'V'],
            'ENERGY.Factor': 0.9,
            'SHT3X.Humidity': [51, '%'],
          },
        },
      ],
      [
        'tele/attic/SENSOR',
        { BME280: { Temperature: 68, Pressure: 29.9 }, PressureUnit: 'inHg', TempUnit: 'F' },
        { device: 'attic', fields: { 'BME280.Temperature': [68, '°F'], 'BME280.Pressure': [29.9, 'inHg'] } },
      ],
    ],
    'sensors by name, units beside them, a time without a zone': [
      [
        'tele/greenhouse/SENSOR',
        { Time: '2026-03-10T11:59:00', SHT3X: { Temperature: 18.4, Humidity: 71 }, TempUnit: 'C' },
        {
          device: 'greenhouse',
          fields: { 'SHT3X.Temperature': [18.4, '°C'], 'SHT3X.Humidity': 71 },
          time: null,
          without: ['Time'],
        },
      ],
    ],
    'topics of several levels, and the prefix behind': [
      [
        'tele/site/pump/STATE',
        { POWER: 'OFF', Wifi: { RSSI: 62 } },
        { device: 'site/pump', fields: { POWER: false, 'Wifi.RSSI': 62 } },
      ],
      [
        'site/pump/tele/SENSOR',
        { ENERGY: { Power: [12, 13] } },
        { device: 'site/pump', fields: { 'ENERGY.Power.1': 13 } },
      ],
    ],
    'an epoch is a time': [
      [
        'tele/x/SENSOR',
        { Time: '2026-03-10T11:59:00', Epoch: 1_773_144_000, ANALOG: { A0: 5 } },
        { device: 'x', fields: { 'ANALOG.A0': 5 }, time: '2026-03-10T12:00:00.000Z' },
      ],
    ],
    'answers and switches': [
      ['stat/plug/RESULT', { POWER2: 'ON' }, { device: 'plug', fields: { POWER2: true } }],
      ['stat/plug/POWER', 'OFF', { device: 'plug', fields: { POWER: false } }],
    ],
    'a Zigbee device behind a bridge is one of its own': [
      [
        'tele/bridge/SENSOR',
        { ZbReceived: { '0x8F20': { Device: '0x8F20', Name: 'attic', Temperature: 9.5 } } },
        { device: '0x8F20', fields: { Temperature: 9.5 } },
      ],
    ],
    availability: [['tele/plug/LWT', 'Offline', { device: 'plug', fields: { available: false } }]],
    'what a device says about itself, and commands': [
      ['tasmota/discovery/AABBCC112233/config', { t: 'plug', dn: 'Plug', md: 'P1' }, 'ignored'],
      ['tasmota/discovery/AABBCC112233/sensors', { sn: {} }, 'ignored'],
      ['tele/plug/INFO2', { Info2: { Hostname: 'plug' } }, 'ignored'],
      ['stat/plug/STATUS', { Status: { Module: 1 } }, 'ignored'],
      ['stat/plug/LOGGING', '12:00 CMD', 'ignored'],
      ['cmnd/plug/POWER', 'ON', 'ignored'],
    ],
  },
} satisfies Table
