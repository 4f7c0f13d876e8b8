/**
 * Where the values of a topic belong, when no family and no rule says so: which level is the device, which the
 * room, and which belong to the field.
 *
 *   home/kitchen/thermo-1/state   {..}    device thermo-1, room kitchen
 *   home/hall/door/state          {..}    device door, room hall
 *   home/kitchen/temperature      21.5    device kitchen, field temperature
 *   plant/meter9/telemetry        {..}    device meter9
 *   garage/opener/relay/0         ON      device opener, field relay.0
 *   cars/1/battery_level          88      device cars/1, field battery_level
 *   lab/node1/env/temperature     21      device node1, field env.temperature
 *
 * Levels that only say what kind of message it is are dropped; numbers and parts of a device (`relay`, `ch0`)
 * belong to the field, so that two of them never share a series.
 */

import { type FieldClass, fieldClass, isQuantityWord } from '../telemetry/field-classes.ts'
import { cleanName, cleanRoom } from './names.ts'

export interface Place {
  readonly device: string
  readonly room: string | undefined
  /** Before the field names of an object: '' or `relay.0.`. */
  readonly prefix: string
  /** The field name of a plain value. */
  readonly leaf: string
  /** The topic names no device: an identity in the payload does. */
  readonly isShared: boolean
}

export function placeObject(topic: string): Place {
  const levels = levelsOf(topic)
  let end = levels.length
  while (end > 1 && (isGeneric(levels[end - 1]!) || DIRECTIONS.has(levels[end - 1]!.toLowerCase()))) end--
  const at = isInRoom(levels, end) ? { from: 2, to: 2 } : deviceAt(levels, end, end - 1)
  return place(levels, at, levels.slice(at.to + 1, end), end < levels.length ? levels[end]! : 'value')
}

/** `home/<room>/<device>/state`: the one convention that we promise, even where a door is called `door`. */
function isInRoom(levels: readonly string[], end: number): boolean {
  return end === 3 && levels.length === 4 && HOMES.has(levels[0]!.toLowerCase()) && !isIndex(levels[2]!)
}

export function placeScalar(topic: string): Place {
  const levels = levelsOf(topic)
  if (levels.length === 1) return place(levels, { from: 0, to: 0 }, [], levels[0]!)
  let end = levels.length - 1
  let leaf = levels[end]!
  const before = levels[end - 1]!
  // `battery/current` is a current.
  if (
    isGeneric(leaf) &&
    !isQuantity(leaf) &&
    end > 1 &&
    (isQuantity(before) || SETTINGS.has(before.toLowerCase()))
  ) {
    leaf = before
    end--
  } else if (isMeasured(before) && isName(leaf) && (end === 1 || (end === 2 && isCommon(levels[0]!)))) {
    // `home/temperature/kitchen`, `sensors/temperature/28-0316a4c2ff`: the quantity stands before its device.
    return place(levels, { from: end, to: end }, [], before)
  } else if (end === 1 && isCommon(before) && (isNumbered(leaf) || isSerial(leaf))) {
    // `sensors/node7`: no quantity at all.
    return place(levels, { from: 1, to: 1 }, [], 'value')
  }
  // `pack/bms/cells/3`: what is numbered belongs to the field, but for devices that are (`racks/2`).
  const isListed = isIndex(leaf) && end > 2 && !isIndex(before) && !isNumbered(before)
  const at = deviceAt(levels, end, isListed ? end - 2 : end - 1)
  return place(levels, at, levels.slice(at.to + 1, end), leaf)
}

function place(levels: readonly string[], at: Span, path: readonly string[], leaf: string): Place {
  const prefix = path
    .filter(level => !FILLERS.has(level.toLowerCase()))
    .map(level => `${cleanName(level)}.`)
    .join('')
  const isHome = HOMES.has(levels[0]!.toLowerCase())
  const above = isHome && at.from >= 2 ? levels[at.from - 1] : undefined
  const room = above === undefined || isFloor(above) ? undefined : above
  const device = levels.slice(at.from, at.to + 1).join('/')
  return {
    device: cleanName(device),
    room: room === undefined ? undefined : cleanRoom(room),
    prefix,
    leaf: prefix + cleanName(leaf),
    isShared: isCommon(device) || isGeneric(device),
  }
}

/** `floor1`, `upstairs`: more than a room. */
function isFloor(level: string): boolean {
  return isIndex(level) || FLOORS.has(level.toLowerCase().replace(/[\d_-]+$/, ''))
}

/** The device's levels, both inclusive. */
interface Span {
  readonly from: number
  readonly to: number
}

/** Levels from `end` on are the field's; `last` is the first candidate, going up. */
function deviceAt(levels: readonly string[], end: number, last: number): Span {
  const strong = levels.slice(0, end).findLastIndex(isSerial)
  if (strong !== -1) return { from: strong, to: strong }

  // `devices/press/motor/rpm`: the topic says where its device is.
  const mark = levels.findIndex((level, i) => i < last && MARKS.has(level.toLowerCase()))
  if (
    mark !== -1 &&
    !isGeneric(levels[mark + 1]!) &&
    !isCommon(levels[mark + 1]!) &&
    !isIndex(levels[mark + 1]!)
  )
    return { from: mark + 1, to: mark + 1 }

  // `web1/disk/root/used`: what a machine is made of, and below it which one.
  const machine = levels.findIndex((level, i) => i > 1 && i <= last && MACHINE.has(level.toLowerCase()))
  let at = machine === -1 || isCommon(levels[machine - 1]!) ? last : machine - 1
  while (at > 0 && isPartOf(levels, at)) at--
  if (at > 0 && SHARED.has(levels[at]!.toLowerCase()) && !isCommon(levels[at - 1]!)) at--
  if (isIndex(levels[at]!) && at > 0) {
    // `cars/1`: the number tells one car from the other. `knx/1/1/7`: the whole address is the field.
    if (isIndex(levels[at - 1]!)) while (at > 0 && (isIndex(levels[at]!) || isGeneric(levels[at]!))) at--
    else return isNumbered(levels[at - 1]!) ? { from: at - 1, to: at - 1 } : { from: at - 1, to: at }
  }
  // As two levels, `meters/water` is as likely a meter called water; before a field (`car/battery/soc`) it is not.
  const isDeep = last > 1 || (end < levels.length && !isGroup(levels[0]!))
  while (at > 0) {
    const above = namedAbove(levels, at)
    if (!isGroupOf(levels[at]!, levels[above]!, isDeep) && !isNeverDevice(levels, at, above)) break
    at = above
    if (isIndex(levels[at]!) && at > 0) return { from: at - 1, to: at }
  }
  return { from: at, to: at }
}

/** `press-7/events/temperature`: generic levels between say nothing. */
function namedAbove(levels: readonly string[], at: number): number {
  let above = at - 1
  while (above > 0 && isGeneric(levels[above]!)) above--
  return above
}

function isNeverDevice(levels: readonly string[], at: number, above: number): boolean {
  return ASPECTS.has(levels[at]!.toLowerCase()) && !isCommon(levels[above]!)
}

function isPartOf(levels: readonly string[], at: number): boolean {
  if (at === 1 && isCommon(levels[0]!)) return false
  // `modbus/meter1/state/voltage`: says no more in the middle than at the end.
  if (isGeneric(levels[at]!)) return true
  // `metric/v/b/soc`: abbreviated groups.
  if (at >= 3 && levels[at]!.length === 1 && !isIndex(levels[at]!)) return true
  if (!isIndex(levels[at]!)) return isPart(levels[at]!)
  const above = levels[at - 1]!
  return isPart(above) || (at >= 2 && (isQuantityWord(above) || GROUPS.has(above.toLowerCase())))
}

function isCommon(level: string): boolean {
  const small = level.toLowerCase()
  return SHARED.has(small) || HOMES.has(small) || small.endsWith('2mqtt')
}

function isGeneric(level: string): boolean {
  // `_historian`: a mark before the word changes nothing. `device_data`: nor does a second such word.
  const small = level.toLowerCase()
  if (GENERIC.has(small)) return true
  const parts = small.split(/[_-]/).filter(part => part !== '')
  return parts.length > 0 && parts.every(part => GENERIC.has(part) || part === 'device')
}

/** `node1/matrix`, `truck12/location`: what stands above is the device. */
function isGroupOf(level: string, above: string, isDeep: boolean): boolean {
  if (isNumbered(level) || isCommon(above)) return false
  if (KIND_OF_MESSAGE.test(level) || isIndex(above)) return true
  // What a numbered gateway has below it are devices.
  if (isNumbered(above) && !GATEWAY.test(above)) return true
  return isDeep && (isGroup(level) || CALLED_A_DEVICE.test(above))
}

function isGroup(level: string): boolean {
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

function levelsOf(topic: string): string[] {
  const levels = topic.split('/').filter(level => level !== '')
  return levels.length === 0 ? [topic] : levels
}

function isQuantity(level: string): boolean {
  return fieldClass(level) !== undefined
}

/** Classes whose words are things as well: `door/last` is no `last` with a door. */
const THINGS: ReadonlySet<FieldClass> = new Set(['opening', 'switch', 'volume', 'moisture', 'connectivity'])

/** A quantity as it stands, which somebody may have put before its device. */
function isMeasured(level: string): boolean {
  const found = isQuantityWord(level) ? fieldClass(level) : undefined
  return found !== undefined && !THINGS.has(found)
}

function isName(level: string): boolean {
  return !isQuantity(level) && !isGeneric(level)
}

function isIndex(level: string): boolean {
  return level.length <= 4 && /^\d+$/.test(level)
}

/** A part of a device, numbered or not: `relay`, `ch0`, `L1`, `ds18b20_1`. */
function isPart(level: string): boolean {
  // An OBIS code, as meters name their registers.
  if (/^\d+-\d+:/.test(level)) return true
  const small = level.toLowerCase()
  const stem = small.replace(/[\d_:-]+$/, '')
  return PARTS.has(small) || NUMBERED_PARTS.has(stem) || CHIPS.has(stem) || CHIPS.has(small)
}

/** A MAC, an EUI, a serial number, a firmware's default name: names one device in the world. */
function isSerial(level: string): boolean {
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
function isNumbered(level: string): boolean {
  if (!/\d\p{L}?$/u.test(level) || !/\p{L}/u.test(level) || isPart(level)) return false
  return !PLACES.has(level.toLowerCase().replace(/[\d_-]+$/, ''))
}

/** `boiler_data`, `air-data`, `paramInfo`: a message about some part of what stands above. */
const KIND_OF_MESSAGE =
  /[-_](data|info|status|state|stats|values|params|metrics|report|readings|telemetry)$|[a-z](Data|Info|Status|State|Stats|Values|Params)$/

const GATEWAY = /^(hub|gw|gateway|bridge|base|controller|coordinator)(?![a-z])/i

/** `loft-sensor`, `desk_lamp`: what is below is a part of it. */
const CALLED_A_DEVICE =
  /[-_ ](sensor|node|lamp|light|bulb|plug|socket|outlet|switch|meter|valve|thermostat|trv|pump|fan|heater|boiler|lock|cam|camera|button|remote|tracker|tag|beacon|station|inverter|charger|display|panel|printer|robot|vacuum|fridge|freezer|washer|dryer|dishwasher|oven|tv|pc|pi|phone)$/i

const words = (text: string) => new Set(text.split(' '))

/** Say what kind of message it is, not whose. */
const GENERIC = words(
  'state status sensor sensors json telemetry data up uplink values value attributes attrs shadow messages message events event readings reading measurements measurement report reports update updates info result payload raw out live stats metrics all publish pub notify notification tele stat feedback properties reported measure observation observations current latest lv batch list uplinks loop attr historian',
)
/** The next level is a device. */
const MARKS = words('device devices thing things')
/** No quantities, but fields nevertheless: `lamp/brightness/status`. */
const SETTINGS = words(
  'brightness position level mode speed setpoint target color colour color_temp tilt volume duration count total progress percentage action',
)
/** The same behind an object; a plain value under `speed/upload` is one of two. */
const DIRECTIONS = words('rx tx upload uploads')
/** First levels that many devices share. */
const SHARED = words(
  'sensors sensor devices device iot mqtt tele stat things v1 v2 v3 api data telemetry gateway gateways nodes node events messages meters public test topic fleet plant channels feeds',
)
/** Between device and field they say nothing. */
const FILLERS = new Set([...SHARED].filter(word => word !== 'device' && word !== 'devices'))
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
/** Sides of a thing, never things. */
const ASPECTS = words('location gps position geo env usage diagnostics diag location_data health')
/** Sensors by their type, as tasks and tables name them. */
const CHIPS = words(
  'ds18b20 ds18x20 ds1820 ds18b dallas dht dht11 dht22 am2301 am2302 am2320 bme bme280 bme680 bme688 bmp bmp085 bmp180 bmp280 bmp388 sht sht1x sht2x sht3x sht30 sht31 sht4x sht40 si7021 htu21 htu21d hdc1080 aht aht10 aht20 mcp9808 max31855 max6675 bh bh1750 tsl2561 tsl2591 veml7700 ccs811 sgp30 sgp40 mhz mhz19 mh-z19 scd30 scd40 scd41 senseair pms pms5003 pms7003 sds011 sps30 ina219 ina226 ina3221 ads1115 hx711 hcsr04 hc-sr04 vl53l0x pzem pzem004 pzem-004t sysinfo mpu6050 ld2410 rcwl',
)
