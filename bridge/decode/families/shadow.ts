/**
 * Device shadows and cloud endpoints: AWS, Azure, and whoever copied `state.reported`. What is reported is; what
 * is desired, and the difference, are commands.
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
