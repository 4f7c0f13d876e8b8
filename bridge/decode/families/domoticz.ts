/**
 * Domoticz: one topic for all devices, each told apart by its name, with values as texts in `svalue1` and so on. A
 * battery of 255 and a signal of 12 mean that there is none.
 * https://www.domoticz.com/wiki/MQTT
 */

import type { Context, Family, Plan, Result } from '../family.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject, textOf } from '../shape.ts'

export const domoticz: Family = {
  name: 'domoticz',
  topics: [['domoticz/out/#', () => ({ read: readDevice })]],
}

const NO_BATTERY = 255
const NO_SIGNAL = 12

function readDevice(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  if (!isObject(json) || json.idx === undefined) return undefined
  const { idx, name, dtype, stype, hwid, id, unit, description, LastUpdate, Battery, RSSI, ...values } = json
  const device = uniqueName(textOf(name) ?? `idx ${String(idx)}`)
  context.tell({ device, topic: plan.topic, family: 'domoticz', name: textOf(name), model: textOf(dtype) })
  const object = { ...plan.object, device, prefix: '', isShared: false }
  const fields = {
    ...values,
    ...(Battery === undefined || Battery === NO_BATTERY ? {} : { Battery }),
    ...(RSSI === undefined || RSSI === NO_SIGNAL ? {} : { RSSI }),
  }
  return documentResult(fields, { object, scalar: object }, context)
}
