/**
 * Device shadows and cloud endpoints: AWS, Azure, IBM, Alibaba, Huawei, and whoever copied `state.reported`. What is
 * reported is; what is desired, and the difference, are commands.
 */

import { type Context, type Family, ignore, ignored, type Plan, type Result } from '../family.ts'
import type { Json } from '../json.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'

export const shadow: Family = {
  name: 'shadow',
  topics: [
    ['$aws/things/{device}/shadow/{path...}', ({ device, path }) => aws(device!, path!)],
    ['$aws/#', ignore('cloud service')],
    ['devices/{device}/messages/events/#', ({ device }) => ({ device: device! })],
    ['devices/{device}/messages/devicebound/#', ignore('command')],
    ['$iothub/twin/PATCH/properties/desired/#', ignore('command')],
    ['$iothub/methods|twin/#', ignore('request')],
    ['iot-2/type/+/id/{device}/evt/+/fmt/+', ({ device }) => ({ device: device! })],
    ['iot-2/type/+/id/{device}/cmd/#', ignore('command')],
    ['/sys/+/{device}/thing/event/property/post', ({ device }) => ({ device: device! })],
    ['/sys/+/{device}/thing/#', ignore('request')],
    ['$oc/devices/{device}/sys/properties/report', ({ device }) => ({ device: device!, read: readServices })],
    ['$oc/#', ignore('request')],
    ['$thing/up/property/+/{device}', ({ device }) => ({ device: device! })],
    ['$sys/+/{device}/thing/property/post', ({ device }) => ({ device: device! })],
    ['$sys/+/+/thing/#', ignore('request')],
  ],
  marks: ['state', 'reported', 'current'],
  recognise,
}

function aws(device: string, path: string) {
  const last = path.slice(path.lastIndexOf('/') + 1)
  if (last === 'delta' || last === 'rejected' || last === 'get' || last === 'delete') {
    return { ignore: last === 'delta' ? 'command' : 'request' }
  }
  return { device }
}

/** Huawei: `{"services":[{"service_id":"Env","properties":{..},"event_time":".."}]}`. */
function readServices(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const services = listOf(objectOf(payload.json()).services).map(objectOf)
  const named = services.map(({ service_id, properties, event_time }) => ({
    timestamp: event_time ?? null,
    [textOf(service_id) ?? 'service']: properties ?? null,
  }))
  return named.length === 0 ? undefined : documentResult(named, plan, context)
}

function recognise(json: Json, plan: Plan, context: Context): Result | undefined {
  if (!isObject(json)) return undefined
  const document = isObject(json.current) ? json.current : json
  const state = objectOf(document.state)
  const { reported } = state
  if (!isObject(reported)) {
    const isWish = isObject(state.desired) || isObject(state.delta)
    return isWish ? ignored('command') : undefined
  }
  const time = json.timestamp ?? document.timestamp ?? null
  const object = { ...plan.object, prefix: '' }
  return documentResult({ timestamp: time, ...reported }, { object, scalar: object }, context)
}
