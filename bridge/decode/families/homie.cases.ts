import type { Table } from './table.ts'

export default {
  family: 'homie',
  stories: {
    'version 5: units from the description': [
      [
        'homie/5/boiler/$description',
        { name: 'Boiler', nodes: { tank: { properties: { temp: { unit: '°C', datatype: 'float' } } } } },
        'ignored',
      ],
      ['homie/5/boiler/tank/temp', '61.5', { device: 'boiler', fields: { 'tank.temp': [61.5, '°C'] } }],
      ['homie/5/boiler/$state', 'lost', { device: 'boiler', fields: { state: 'lost' } }],
    ],
    'versions 3 and 4: attributes': [
      ['homie/boiler/$name', 'Boiler', 'ignored'],
      ['homie/boiler/tank/temp/$unit', '°F', 'ignored'],
      ['homie/boiler/tank/temp/$datatype', 'float', 'ignored'],
      ['homie/boiler/tank/temp', '140', { device: 'boiler', fields: { 'tank.temp': [140, '°F'] } }],
      ['homie/boiler/$stats/uptime', '99', { device: 'boiler', fields: { '$stats.uptime': 99 } }],
    ],
    'Valetudo follows it': [
      [
        'valetudo/dusty/BatteryStateAttribute/level',
        '77',
        { device: 'dusty', fields: { 'BatteryStateAttribute.level': 77 } },
      ],
      ['valetudo/dusty/MapData/map-data', Uint8Array.of(0x78, 0x9c, 1, 2), 'ignored'],
    ],
    'commands, targets and logs': [
      ['homie/5/boiler/tank/temp/set', '50', 'ignored'],
      ['homie/5/boiler/tank/temp/$target', '50', 'ignored'],
      ['homie/5/boiler/$log/info', 'hello', 'ignored'],
      ['homie/5/$broadcast/alarm', 'x', 'ignored'],
    ],
  },
} satisfies Table
