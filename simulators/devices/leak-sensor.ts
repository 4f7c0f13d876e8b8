import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery } from '../signal.ts'
import { type Place, placed } from './place.ts'

/** Lies on the floor and is dry, nearly always. */
export function leakSensor(place: Place): Device {
  const { random } = place
  const drops = random.fork('drops')
  let wetUntilMs = 0
  return {
    ...placed(place, 30_000, ['water_leak']),
    make: { vendor: 'Aqara', model: 'SJCGQ11LM', description: 'Water leak sensor' },
    shape: zigbee2mqtt(),
    fields: {
      water_leak: field.flag(nowMs => {
        if (drops.chance(1 / 200_000)) wetUntilMs = nowMs + 120_000
        return nowMs < wetUntilMs
      }, 'moisture'),
      battery: field.percent(battery(random.fork('battery')), 'battery'),
      linkquality: field.linkQuality(random.fork('link'), 54),
    },
  }
}
