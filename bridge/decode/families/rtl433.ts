/**
 * rtl_433: all sensors that a receiver hears on one topic (`rtl_433/<host>/events`), told apart by model, channel
 * and id in the payload; or a topic per value, `.../devices/<model>/<channel>/<id>/<field>`.
 * https://github.com/merbanan/rtl_433/blob/master/docs/INTEGRATION.md
 */

import type { Claim, Context, Family, Plan, Result } from '../family.ts'
import type { Json } from '../json.ts'
import { uniqueName } from '../names.ts'
import { documentResult } from '../results.ts'
import { isObject } from '../shape.ts'

export const rtl433: Family = {
  name: 'rtl_433',
  topics: [['#', (_, levels) => about(levels)]],
  marks: ['model'],
  recognise,
}

function about(levels: readonly string[]): Claim | undefined {
  const root = levels.findIndex(level => level === 'rtl_433' || level === 'rtl433')
  if (root === -1) return undefined
  const devices = levels.indexOf('devices', root)
  const own = levels.slice((devices === -1 ? root : devices) + 1)
  const field = own.at(-1)
  if (field === undefined || own.length < 2 || field === 'events' || field === 'states') return undefined
  if (field === 'time') return { ignore: 'time of another reading' }
  return { device: own.slice(0, -1).join('/'), field, isShared: true, isObjectBare: true }
}

/** A model and an id alone may be anything's; these keys are rtl_433's. */
const TYPICAL = [
  'mic',
  'battery_ok',
  'temperature_C',
  'temperature_F',
  'protocol',
  'mod',
  'freq',
  'subtype',
  'channel',
  'rssi',
  'humidity',
]

function recognise(json: Json, plan: Plan, context: Context): Result | undefined {
  if (!isObject(json) || typeof json.model !== 'string') return undefined
  const { model, channel, id } = json
  const isOnItsTopic =
    plan.levels.includes('rtl_433') || plan.levels.includes('rtl433') || plan.object.isShared
  if (!isOnItsTopic && (id === undefined || !isSensor(json, plan))) return undefined
  const device = uniqueName(
    [model, channel, id].filter(part => part !== undefined && part !== null && part !== '').join('/'),
  )
  context.tell({ device, family: 'rtl_433', model })
  const object = { ...plan.object, device, prefix: '', isShared: false }
  return documentResult(json, { object, scalar: object }, context)
}

/** On a topic of a device's own, its topic names it. */
function isSensor(json: Record<string, unknown>, plan: Plan): boolean {
  return plan.by === 'general' && plan.levels.length <= 2 && TYPICAL.some(key => json[key] !== undefined)
}
