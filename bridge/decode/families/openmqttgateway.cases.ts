import type { Table } from './table.ts'

export default {
  family: 'openmqttgateway',
  stories: {
    'the gateway speaks for others': [
      [
        'attic/GW/BTtoMQTT/A4C138010203',
        { id: 'A4:C1:38:01:02:03', tempc: 20.5, hum: '44' },
        { device: 'A4C138010203', fields: { tempc: [20.5, '°C'], hum: 44 } },
      ],
      [
        'attic/GW/RTL_433toMQTT/Oregon-THN/2/77',
        { model: 'Oregon-THN', id: 77, temperature_C: -3 },
        { device: 'Oregon-THN/2/77', fields: { temperature_C: [-3, '°C'] } },
      ],
      [
        'attic/GW/CLIMAtoMQTT/ds1820/0x28ff00112233',
        { temp: 31.5, unit: 'F' },
        { device: '0x28ff00112233', fields: { temp: [31.5, '°F'] } },
      ],
      [
        'home/home_presence/GW',
        { id: 'A4:C1:38:01:02:03', distance: 2.5 },
        { device: 'A4:C1:38:01:02:03', fields: { distance: 2.5 } },
      ],
    ],
    'its own sensors': [
      ['attic/GW/SYStoMQTT', { uptime: 90 }, { device: 'GW', fields: { 'SYStoMQTT.uptime': 90 } }],
    ],
    commands: [['attic/GW/commands/MQTTtoIR', { value: 1 }, 'ignored']],
  },
} satisfies Table
