/**
 * What a key of a payload is by its name alone: a time, an identity, an envelope, a text that only looks like a
 * number. Worked out once per key, as the same few thousand keys come again and again.
 */

import { unitOfName } from '../telemetry/units.ts'
import { uniqueName } from './names.ts'
import { isAmbiguousTime, timeRank } from './time.ts'

export interface Key {
  /** As it came. */
  readonly raw: string
  /** In JSON it stands as it is, and an object takes it as any other. */
  readonly isPlain: boolean
  /** Cleaned, as part of a field name. */
  readonly name: string
  /** From its ending: `_C`, `_kWh`. */
  readonly unit: string | undefined
  readonly timeRank: number | undefined
  /** Also the name of durations and temperatures. */
  readonly isAmbiguousTime: boolean
  /** Its object is about the message: its time is the message's. */
  readonly isHeader: boolean
  /** `deviceId` names the sender whatever the topic says; `id` only where the topic names none. */
  readonly identity: 'strong' | 'address' | 'weak' | undefined
  /** Of several identities the lowest counts. */
  readonly identityRank: number
  /** Its object is what the message is about: `values`, `params`, `decoded_payload`. */
  readonly isEnvelope: boolean
  /** Stays a text though it may look like a number or a switch: versions, addresses, modes. */
  readonly isText: boolean
  /** Such a text that names one of several states: as a plain value, a number is a number nevertheless. */
  readonly isMode: boolean
  /** Beside a `value`, says something about it and is no value of its own. */
  readonly isAbout: boolean
  /** An object with such a key needs a closer look: an envelope, a single value, units for others. */
  readonly isSpecial: boolean
  /** `unit` is '' (of its object), `temperature_unit` is `temperature`. */
  readonly unitOf: string | undefined
}

const cache = new Map<string, Key>()
/** Random keys must not fill the memory: past this the cache starts anew. */
const MAX_KEYS = 20_000
/** Nor must long ones, which no device has. */
export const MAX_KEPT_LENGTH = 128

export function keyOf(key: string): Key {
  return cache.get(key) ?? remember(key)
}

function remember(key: string): Key {
  // No word of it says anything, and a megabyte is not to be searched for some.
  if (key.length > MAX_KEPT_LENGTH) return { ...keyOf('0'), raw: key, isPlain: false, name: uniqueName(key) }
  if (cache.size >= MAX_KEYS) cache.clear()
  const flat = key.length > 40 ? '' : key.replace(/[_\-\s.@$]/g, '').toLowerCase()
  const unitOf = unitTarget(key, flat)
  const isEnvelope = ENVELOPES.has(flat)
  const info: Key = {
    raw: key,
    isPlain: PLAIN.test(key) && key !== '__proto__',
    name: uniqueName(key),
    unit: unitOfName(key),
    timeRank: timeRank(key),
    isAmbiguousTime: isAmbiguousTime(key),
    isHeader: HEADERS.has(key),
    identity: STRONG.has(flat)
      ? 'strong'
      : ADDRESSES.has(flat)
        ? 'address'
        : WEAK.has(flat)
          ? 'weak'
          : undefined,
    identityRank: rankOf(flat),
    isEnvelope,
    isText: isTextKey(key, flat),
    isMode: MODES.has(lastWord(key)),
    isAbout: ABOUT.has(flat),
    isSpecial: isEnvelope || unitOf !== undefined || flat === 'v' || flat === 'val',
    unitOf,
  }
  cache.set(key, info)
  return info
}

/** Printable ASCII without quotes and backslashes. */
const PLAIN = /^[ !#-[\]-~]+$/

const HEADERS = new Set(['meta', 'metadata', 'header', 'headers', 'Header', 'Metadata'])

const words = (text: string) => new Set(text.split(' '))

const STRONG = words(
  'deviceid devid deveui deviceeui enddeviceid thingid thingname imei devicename device sensorid stationid esp8266id nodeid assetid coreid eui devicesn deviceserial deviceserialnumber deviceuid deviceuuid',
)
const ADDRESSES = words(
  'mac macaddress macaddr bdaddr ieeeaddr ieeeaddress serial serialno serialnumber serialnum sn chipid addr address',
)
const WEAK = words(
  'id name uid uuid hostname host client clientid node nodename sensor sensorname station meter meterid friendlyname src source ident tag label dev',
)
const ENVELOPES = words(
  'value values params payload data fields measurements measurement readings reading telemetry metrics object decodedpayload decoded payloadfields reported d body samples records points sensordatavalues results result series history messages event',
)
const ABOUT = words(
  'unit units uom u unitofmeasurement min max step type datatype label name description desc id quality q status valid ok isvalid source precision title format readable writeable writable readonly unitname displayname symbol property key tag n sensor metric code channel statusword statuscode accuracy error raw context ack from lc user c expire changed updated msg message text comment info',
)

function rankOf(flat: string): number {
  if (STRONG.has(flat)) return 0
  if (ADDRESSES.has(flat)) return 1
  return flat === 'id' ? 2 : 3
}

/** Parts of names whose values are names, codes or modes. */
const TEXT_WORDS = words(
  'id ids model version ver fw firmware sw software hw hardware serial serialno sn mac ip ssid bssid name code address addr imei imsi iccid phone zip postcode key token uuid uid eui mode preset program effect action behavior behaviour type protocol hex hash cookie build text message msg desc description label title url uri topic host hostname user username password profile scene color_mode lang language timezone tz barcode isbn plate license licence variant subtype class category reason source',
)

function isTextKey(key: string, flat: string): boolean {
  if (TEXT_WORDS.has(flat) || (flat.endsWith('data') && flat !== 'data')) return true
  return TEXT_WORDS.has(lastWord(key))
}

function lastWord(key: string): string {
  const parts = key
    .slice(-80)
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[_\-\s.]/)
  return parts[parts.length - 1]!
}

/** Of the text words; `user` is a share of the processor's time as well. */
const MODES = words(
  'mode preset program effect action behavior behaviour profile scene class category reason source type user',
)

function unitTarget(key: string, flat: string): string | undefined {
  if (flat === 'unit' || flat === 'units' || flat === 'uom' || flat === 'unitofmeasurement') return ''
  if (!flat.endsWith('unit') || flat.length < 6) return undefined
  return key.slice(0, -4).replace(/[_\-\s.]$/, '')
}

/** In a list of `{name, value}`: what may hold the name, best first. */
export const NAME_KEYS = [
  'DisplayName',
  'displayName',
  'tagName',
  'name',
  'Name',
  'value_type',
  'n',
  'field',
  'metric',
  'measurement',
  'parameter',
  'property',
  'variable',
  'resourceName',
  'quantity',
  'attribute',
  'signal',
  'point',
  'key',
  'tag',
  'label',
  'sensor',
  'type',
  'code',
  'channel',
  'id',
] as const

export const VALUE_KEYS = ['value', 'v', 'val', 'reading', 'Value', 'result'] as const

/** Of an entry that has only an index. */
export const NO_KEY: Key = { ...keyOf('0'), name: '' }
