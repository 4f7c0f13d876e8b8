/**
 * ThingsBoard: `v1/devices/me/telemetry`, where the connection says who "me" is, and `v1/gateway/telemetry`,
 * whose keys are devices. https://thingsboard.io/docs/reference/mqtt-api/
 */

import { type Context, type Family, ignore, type Plan, type Result } from '../family.ts'
import type { Json } from '../json.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject } from '../shape.ts'

export const thingsboard: Family = {
  name: 'thingsboard',
  topics: [
    ['v1/devices/me/telemetry|attributes', () => ({ device: 'me', isShared: true, read: readOwn })],
    ['v1/gateway/telemetry|attributes', () => ({ device: 'gateway', read: readGateway })],
    ['v1/gateway/#', ignore('request')],
    ['v1/devices/me/#', ignore('request')],
  ],
}

function readOwn(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  return json === undefined ? undefined : readAs(context.client ?? plan.object.device, json, plan, context)
}

function readGateway(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  if (!isObject(json)) return undefined
  const results = Object.entries(json).map(([device, values]) => readAs(device, values, plan, context))
  return {
    kind: 'readings',
    readings: results.flatMap(result => (result.kind === 'readings' ? result.readings : [])),
  }
}

function readAs(device: string, json: Json, plan: Plan, context: Context): Result {
  const object = { ...plan.object, device: uniqueName(device) }
  return documentResult(json, { object, scalar: object }, context)
}
