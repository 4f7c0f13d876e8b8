import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { type Place, placed } from './place.ts'

/** People switch it, and `zigbee2mqtt/<name>/set` does; the room gets lighter. */
export function lamp(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 5000, ['state']),
    make: { vendor: 'IKEA', model: 'LED2005R5', description: 'TRADFRI bulb, dimmable' },
    shape: zigbee2mqtt(),
    fields: {
      state: { ...field.switched(room.lamp), read: place.house.signal(() => room.lamp.on) },
      brightness: field.settable(room.brightness, 0, 254),
      linkquality: field.linkQuality(random.fork('link'), 141),
    },
  }
}
