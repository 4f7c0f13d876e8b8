/**
 * Ruuvi Gateway: `ruuvi/<gateway>/<tag>`; the advertisement may come undecoded, as hex in `data`.
 * https://docs.ruuvi.com/communication/bluetooth-advertisements/data-format-5-rawv2
 */

import type { Context, Family, Plan, Result } from '../family.ts'
import type { JsonObject } from '../json.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject } from '../shape.ts'

export const ruuvi: Family = {
  name: 'ruuvi',
  topics: [
    ['ruuvi/{gateway}/gw_status', ({ gateway }) => ({ device: gateway!, isAvailability: true })],
    ['ruuvi/{gateway}/{tag}', ({ tag }) => ({ device: tag!, read })],
  ],
}

function read(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  if (!isObject(json)) return undefined
  const { data } = json
  const decoded = json.temperature === undefined && typeof data === 'string' ? decodeRawV2(data) : {}
  return documentResult({ ...json, ...decoded }, plan, context)
}

/** Manufacturer data (type FF) of Ruuvi (0499, little-endian) in format 5. */
const MARK = 'FF990405'

/** The largest of each type means "not available". */
function decodeRawV2(hex: string): JsonObject {
  const start = hex.toUpperCase().indexOf(MARK)
  if (start === -1 || hex.length > 1_024) return {}
  const bytes = Buffer.from(hex.slice(start + MARK.length), 'hex')
  if (bytes.length < 17) return {}
  const signed = (at: number, scale: number) => valid(bytes.readInt16BE(at), -32_768, value => value / scale)
  const power = bytes.readUInt16BE(12)
  return {
    temperature: signed(0, 200),
    humidity: valid(bytes.readUInt16BE(2), 65_535, value => value / 400),
    pressure: valid(bytes.readUInt16BE(4), 65_535, value => value + 50_000),
    accelX: signed(6, 1_000),
    accelY: signed(8, 1_000),
    accelZ: signed(10, 1_000),
    voltage: valid(power >> 5, 2_047, value => (value + 1_600) / 1_000),
    txPower: valid(power & 31, 31, value => value * 2 - 40),
    movementCounter: valid(bytes.readUInt8(14), 255, value => value),
    measurementSequenceNumber: valid(bytes.readUInt16BE(15), 65_535, value => value),
  }
}

function valid(value: number, none: number, scale: (value: number) => number): number | null {
  return value === none ? null : scale(value)
}
