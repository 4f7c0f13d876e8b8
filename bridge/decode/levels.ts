/**
 * What one level of a topic is by its name alone: a kind of message, a part of a device, a serial number, a
 * quantity. Where the values of a topic belong is worked out from these.
 */

import { type FieldClass, fieldClass, isQuantityWord } from '../telemetry/field-classes.ts'

/** `floor1`, `upstairs`: more than a room. */
export function isFloor(level: string): boolean {
  return isIndex(level) || FLOORS.has(level.toLowerCase().replace(/[\d_-]+$/, ''))
}

/** Names no device: a home, a prefix that many share, a bridge. */
export function isCommon(level: string): boolean {
  const small = level.toLowerCase()
  return SHARED.has(small) || HOMES.has(small) || small.endsWith('2mqtt')
}

/** Says what kind of message it is, not whose. */
export function isGeneric(level: string): boolean {
  // `_historian`: a mark before the word changes nothing. `device_data`: nor does a second such word.
  const small = level.toLowerCase()
  if (GENERIC.has(small)) return true
  if (!small.includes('_') && !small.includes('-')) return false
  const parts = small.split(/[_-]/).filter(part => part !== '')
  return small !== 'device' && parts.length > 0 && parts.every(part => GENERIC.has(part) || part === 'device')
}

/** Values of one kind, of the device above: `battery`, `flowTemperature`. */
export function isGroup(level: string): boolean {
  const one = level.endsWith('s') ? level.slice(0, -1) : level
  return isQuantityWord(one) || endsInQuantity(one) || GROUPS.has(level.toLowerCase())
}

/** Of which no device is called, as one may be called `hall_motion` or `wall_power`. */
const MEASURED: ReadonlySet<FieldClass | undefined> = new Set<FieldClass>([
  'temperature',
  'humidity',
  'pressure',
  'voltage',
  'current',
  'frequency',
  'flow',
  'carbon_dioxide',
])

/** `insideTemperature`, `air_pressure`. */
function endsInQuantity(level: string): boolean {
  const last = level
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .split(/[_-]/)
    .at(-1)!
  return last.length < level.length && isQuantityWord(last) && MEASURED.has(fieldClass(last))
}

export function isQuantity(level: string): boolean {
  return fieldClass(level) !== undefined
}

/** Classes whose words are things as well: `door/last` is no `last` with a door. */
const THINGS: ReadonlySet<FieldClass> = new Set(['opening', 'switch', 'volume', 'moisture', 'connectivity'])

/** A quantity as it stands, which somebody may have put before its device. */
export function isMeasured(level: string): boolean {
  const found = isQuantityWord(level) ? fieldClass(level) : undefined
  return found !== undefined && !THINGS.has(found)
}

export function isName(level: string): boolean {
  return !isQuantity(level) && !isGeneric(level)
}

export function isIndex(level: string): boolean {
  return level.length <= 4 && /^\d+$/.test(level)
}

/** A part of a device, numbered or not: `relay`, `ch0`, `L1`, `ds18b20_1`. */
export function isPart(level: string): boolean {
  // An OBIS code, as meters name their registers.
  if (/^\d+-\d+:/.test(level)) return true
  const small = level.toLowerCase()
  const stem = small.replace(/[\d_:-]+$/, '')
  return PARTS.has(small) || NUMBERED_PARTS.has(stem) || CHIPS.has(stem) || CHIPS.has(small)
}

/** `pzem-3`, `bme280_2`: one of several. */
export function isNumberedChip(level: string): boolean {
  const small = level.toLowerCase()
  const stem = small.replace(/[_-]\d+$/, '')
  return stem.length < small.length && CHIPS.has(stem)
}

/** A MAC, an EUI, a serial number, a firmware's default name: names one device in the world. */
export function isSerial(level: string): boolean {
  if (level.length > 64) return false
  const bare = level.replace(/[:-]/g, '')
  if (/^(0x)?[0-9a-f]{12,32}$/i.test(bare) || /^0x[0-9a-f]{4,}$/i.test(bare)) return true
  if (/^\d{6,}$/.test(bare) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(level)) return true
  if (/^(esp|esp32|esp8266|nodemcu|wemos|sonoff|shelly|tasmota)[-_ ]/i.test(level)) return true
  if (isHexId(level) || isSerialNumber(level)) return true
  const tail = level.slice(Math.max(level.lastIndexOf('-'), level.lastIndexOf('_')) + 1)
  return tail.length < level.length && isHexId(tail)
}

/** `CE2144G123`: capitals and figures, four of them at least. */
function isSerialNumber(text: string): boolean {
  return /^[A-Z\d]{9,24}$/.test(text) && /[A-Z]/.test(text) && text.replace(/\D+/g, '').length >= 4
}

/** Six hexadecimal digits or more in one case, two of them below ten: `106A1B`, but not `facade`. */
function isHexId(text: string): boolean {
  const isOneCase = /^[0-9a-f]{6,}$/.test(text) || /^[0-9A-F]{6,}$/.test(text)
  return isOneCase && /\d.*\d/.test(text)
}

/** `node1`, `thermo-1`, `HM-600`, `X8A`: letters and a number at the end, but no place. */
export function isNumbered(level: string): boolean {
  if (!/\d\p{L}?$/u.test(level) || !/\p{L}/u.test(level) || isPart(level)) return false
  return !PLACES.has(level.toLowerCase().replace(/[\d_-]+$/, ''))
}

/** A home's name, above rooms. */
export const isHome = (level: string) => HOMES.has(level.toLowerCase())
/** A first level that many devices share. */
export const isShared = (level: string) => SHARED.has(level.toLowerCase())
/** Between device and field it says nothing. */
export const isFiller = (level: string) => isShared(level) && !/^devices?$/i.test(level)
/** `rx`, `upload`: behind an object it is as generic as `data`, but a plain value below it is one of two. */
export const isDirection = (level: string) => DIRECTIONS.has(level.toLowerCase())
/** No quantity, but a field nevertheless: `lamp/brightness/status`. */
export const isSetting = (level: string) => SETTINGS.has(level.toLowerCase())
/** The next level is a device. */
export const isMark = (level: string) => MARKS.has(level.toLowerCase())
/** What a machine is made of; below it stands which one. */
export const isMachinePart = (level: string) => MACHINE.has(level.toLowerCase())
/** A side of a thing, never a thing: `location`, `temperature`. */
export const isAspect = (level: string) =>
  ASPECTS.has(level.toLowerCase()) || (isQuantityWord(level) && MEASURED.has(fieldClass(level)))
/** `boiler_data`, `air-data`, `paramInfo`: a message about some part of what stands above. */
export const isKindOfMessage = (level: string) => KIND_OF_MESSAGE.test(level)
/** What it has below it are devices. */
export const isGateway = (level: string) => GATEWAY.test(level)
/** `loft-sensor`, `desk_lamp`: what is below is a part of it. */
export const isCalledDevice = (level: string) => CALLED_A_DEVICE.test(level)

const KIND_OF_MESSAGE =
  /[-_](data|info|status|state|stats|values|params|metrics|report|readings|telemetry)$|[a-z](Data|Info|Status|State|Stats|Values|Params)$/

const GATEWAY = /^(hub|gw|gateway|bridge|base|controller|coordinator)(?![a-z])/i

const CALLED_A_DEVICE =
  /[-_ ](sensor|node|lamp|light|bulb|plug|socket|outlet|switch|meter|valve|thermostat|trv|pump|fan|heater|boiler|lock|cam|camera|button|remote|tracker|tag|beacon|station|inverter|charger|display|panel|printer|robot|vacuum|fridge|freezer|washer|dryer|dishwasher|oven|tv|pc|pi|phone)$/i

const words = (text: string) => new Set(text.split(' '))

/** Say what kind of message it is, not whose. */
const GENERIC = words(
  'state status sensor sensors json telemetry data up uplink values value attributes attrs shadow messages message events event readings reading measurements measurement report reports update updates info result payload raw out live stats metrics all publish pub notify notification tele stat feedback properties reported measure observation observations current latest lv batch list uplinks loop attr historian',
)
const MARKS = words('device devices thing things')
const SETTINGS = words(
  'brightness position level mode speed setpoint target color colour color_temp tilt volume duration count total progress percentage action',
)
const DIRECTIONS = words('rx tx upload uploads')
const SHARED = words(
  'sensors sensor devices device iot mqtt tele stat things v1 v2 v3 api data telemetry gateway gateways nodes node events messages meters public test topic fleet plant channels feeds',
)
const HOMES = words('home house haus zuhause casa maison myhome hjem koti wohnung')
const PLACES = words(
  'floor room zone building area level site line house etage og eg stock hall unit rack section',
)
const FLOORS = words(
  'floor level etage stock eg og ug dg upstairs downstairs basement groundfloor ground_floor ground-floor firstfloor first_floor secondfloor second_floor erdgeschoss obergeschoss dachgeschoss keller',
)
/** Parts of a device as they stand; with a number (`fan-3`) they are devices. */
const PARTS = words(
  'total totals sum overall main global general default core misc extra 1wire onewire meter switch outlet socket light dimmer roller cover button sensor probe string bed fan pv grid cell zone circuit import export supply return inlet',
)
/** Parts of a device, with or without a number. */
const NUMBERED_PARTS = words(
  'relay emeter channel ch port input output phase l ac dc adc gpio pin tool extruder mppt slot endpoint ep string pv dps dp datapoint',
)
const MACHINE = words(
  'cpu memory mem ram disk disks fs swap network net electrical propulsion navigation tanks',
)
const GROUPS = words(
  'location gps position environment env climate weather air energy power battery wifi network system soil water health usage engine diagnostics diag geo location_data matrix electrical navigation propulsion tanks cpu memory mem ram disk fs swap heap load alert alerts alarm alarms control controls setting settings statistics counters air_quality airquality wan lan wlan level levels',
)
const ASPECTS = words('location gps position geo env usage diagnostics diag location_data health')
/** Sensors by their type, as tasks and tables name them. */
const CHIPS = words(
  'ds18b20 ds18x20 ds1820 ds18b dallas dht dht11 dht22 am2301 am2302 am2320 bme bme280 bme680 bme688 bmp bmp085 bmp180 bmp280 bmp388 sht sht1x sht2x sht3x sht30 sht31 sht4x sht40 si7021 htu21 htu21d hdc1080 aht aht10 aht20 mcp9808 max31855 max6675 bh bh1750 tsl2561 tsl2591 veml7700 ccs811 sgp30 sgp40 mhz mhz19 mh-z19 scd30 scd40 scd41 senseair pms pms5003 pms7003 sds011 sps30 ina219 ina226 ina3221 ads1115 hx711 hcsr04 hc-sr04 vl53l0x pzem pzem004 pzem-004t sysinfo mpu6050 ld2410 rcwl',
)
