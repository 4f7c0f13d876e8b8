/**
 * LoRaWAN network servers: The Things Stack v3 and v2, ChirpStack v4 and v3. The measurement is what the codec
 * made of the bytes; around it stand the radio's figures. Joins and acknowledgements are no readings.
 * https://www.thethingsindustries.com/docs/the-things-stack/concepts/data-formats/
 * https://www.chirpstack.io/docs/chirpstack/integrations/events.html
 */

import { type Context, type Family, ignored, type Plan, type Result } from '../family.ts'
import { type Json, type JsonObject, parseJson } from '../json.ts'
import { uniqueName } from '../names.ts'
import { RecentMap } from '../recent-map.ts'
import { documentResult } from '../results.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'

export const lorawan: Family = {
  name: 'lorawan',
  marks: ['end_device_ids', 'deviceInfo', 'devEUI', 'hardware_serial'],
  recognise(json, plan, context) {
    if (!isObject(json)) return undefined
    if (isObject(json.end_device_ids)) return readThings(json, plan, context)
    if (isObject(json.deviceInfo)) return readChirpStack(json, objectOf(json.deviceInfo), plan, context)
    if (json.hardware_serial !== undefined) return readThingsV2(json, plan, context)
    const isV3 = json.applicationID !== undefined && json.devEUI !== undefined
    return isV3 ? readChirpStack(json, json, plan, context) : undefined
  },
}

function readThings(json: JsonObject, plan: Plan, context: Context): Result {
  const uplink = objectOf(json.uplink_message ?? json.uplink_normalized)
  const location = objectOf(objectOf(json.location_solved).location)
  const device = textOf(objectOf(json.end_device_ids).device_id)
  const values = firstFilled(uplink.decoded_payload, uplink.normalized_payload, location)
  const fields =
    values ?? (typeof uplink.frm_payload === 'string' ? { frm_payload: uplink.frm_payload } : undefined)
  if (fields === undefined) return ignored('no measurement')
  const time = json.received_at ?? uplink.received_at
  return emit({ device, time, fields, radio: radioOf(listOf(uplink.rx_metadata)[0]) }, plan, context)
}

function readThingsV2(json: JsonObject, plan: Plan, context: Context): Result {
  const metadata = objectOf(json.metadata)
  const fields = firstFilled(json.payload_fields)
  if (fields === undefined) return ignored('no measurement')
  const radio = radioOf(listOf(metadata.gateways)[0])
  return emit({ device: textOf(json.dev_id), time: metadata.time, fields, radio }, plan, context)
}

function readChirpStack(json: JsonObject, info: JsonObject, plan: Plan, context: Context): Result {
  const device = textOf(info.deviceName) ?? textOf(info.devEui) ?? textOf(info.devEUI)
  const model = textOf(info.deviceProfileName)
  tellName(device, textOf(info.devEui) ?? textOf(info.devEUI), { model, plan, context })
  const text = textOf(json.objectJSON)
  const decoded = text === undefined ? json.object : parseJson(text)
  const rx = listOf(json.rxInfo)[0]
  const fields = firstFilled(decoded, json === info ? beside(json) : undefined) ?? figures(json)
  if (fields === undefined) return ignored('no measurement')
  return emit({ device, time: json.time ?? objectOf(rx).time, fields, radio: radioOf(rx) }, plan, context)
}

/** ChirpStack calls devices by names that may change; the topic with its EUI is who it is. */
function tellName(
  device: string | undefined,
  eui: string | undefined,
  { model, plan, context }: { model: string | undefined; plan: Plan; context: Context },
): void {
  if (device === undefined) return
  const at =
    eui === undefined ? -1 : plan.levels.findIndex(level => level.toLowerCase() === eui.toLowerCase())
  const known = context.memory('lorawan', () => new RecentMap<string, string>(MAX_NAMES))
  if (known.get(plan.topic) === `${device} ${model}`) return
  known.set(plan.topic, `${device} ${model}`)
  context.tell({
    device: uniqueName(device),
    topic: plan.topic,
    family: 'lorawan',
    identity: at === -1 || device === eui ? undefined : plan.levels.slice(0, at + 1).join('/'),
    name: device,
    model,
  })
}

/** Topics of which the last name is remembered: what is said again is told again. */
const MAX_NAMES = 20_000

const ENVELOPE = new Set(
  'applicationID applicationName deviceName devEUI devAddr fCnt fPort adr dr data time rxInfo txInfo tags deduplicationId confirmedUplink objectJSON object location margin batteryLevel externalPowerSource batteryLevelUnavailable type gatewayCount gatewayTime publishedAt deviceProfileID deviceProfileName rssi snr loRaSNR frequency codeRate'.split(
    ' ',
  ),
)

/** Milesight's gateways put what the codec made beside the envelope's keys. */
function beside(json: JsonObject): JsonObject | undefined {
  const fields = Object.entries(json).filter(([name]) => !ENVELOPE.has(name))
  return fields.some(([, value]) => typeof value === 'number') ? Object.fromEntries(fields) : undefined
}

/** Without a codec: the bytes as they came, a position, or the battery of a status event. */
function figures(json: JsonObject): JsonObject | undefined {
  if (isObject(json.location)) return { location: json.location }
  if (typeof json.data === 'string' && json.data !== '') return { data: json.data }
  const { margin, batteryLevel, externalPowerSource } = json
  return batteryLevel === undefined
    ? undefined
    : { batteryLevel, margin: margin ?? null, externalPowerSource: externalPowerSource ?? null }
}

interface Uplink {
  readonly device: string | undefined
  readonly time: Json | undefined
  readonly fields: JsonObject
  readonly radio: JsonObject
}

function emit({ device, time, fields, radio }: Uplink, plan: Plan, context: Context): Result {
  const name = device === undefined ? plan.object.device : uniqueName(device)
  const object = { ...plan.object, device: name, prefix: '', isShared: false }
  // The codec's own `time` or `rssi` comes after, and wins.
  return documentResult({ timestamp: time ?? null, ...radio, ...fields }, { object, scalar: object }, context)
}

function radioOf(gateway: Json | undefined): JsonObject {
  const { rssi, snr, loRaSNR } = objectOf(gateway)
  return { rssi: rssi ?? null, snr: snr ?? loRaSNR ?? null }
}

function firstFilled(...candidates: (Json | undefined)[]): JsonObject | undefined {
  return candidates.filter(isObject).find(object => Object.keys(object).length > 0)
}
