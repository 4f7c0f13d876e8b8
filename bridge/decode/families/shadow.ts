/**
 * Device shadows and cloud endpoints: AWS, Azure, IBM, Alibaba, Huawei, and whoever copied `state.reported`. What is
 * reported is; what is desired, and the difference, are commands.
 */

import { type Context, type Family, ignore, ignored, type Plan, type Result } from '../family.ts'
import type { Json } from '../json.ts'
import { documentResult } from '../results.ts'
import { isObject, objectOf } from '../shape.ts'

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
    ['$oc/devices/{device}/sys/properties/report', ({ device }) => ({ device: device! })],
    ['$oc/#', ignore('request')],
    ['$thing/up/property/+/{device}', ({ device }) => ({ device: device! })],
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
