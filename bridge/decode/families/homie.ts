/**
 * Homie 3, 4 and 5, and Valetudo, which follows it: plain texts, `<root>/[5/]<device>/<node>/<property>`, and
 * attributes that begin with `$`. Units come from `$description` (5) or `.../$unit` (3 and 4).
 * https://homieiot.github.io/
 */

import { type Claim, type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import type { Payload } from '../payload.ts'
import { scalarResult } from '../results.ts'
import { objectOf, textOf } from '../shape.ts'

export const homie: Family = {
  name: 'homie',
  topics: [
    ['valetudo/{device}/MapData/#', ignore('map')],
    ['homie/5/$broadcast/#', ignore('broadcast')],
    ['homie/$broadcast/#', ignore('broadcast')],
    ['homie/5/{device}/{path...}', ({ device, path }) => about(device!, path!)],
    ['homie|valetudo/{device}/{path...}', ({ device, path }) => about(device!, path!)],
  ],
}

function about(device: string, path: string): Claim | undefined {
  const levels = path.split('/')
  const last = levels.at(-1)!
  const attribute = levels.find(level => level.startsWith('$'))
  if (last === 'set' || last === '$target') return { ignore: 'command' }
  if (attribute === undefined) return { device, field: levels.join('.') }
  if (path === '$state') return { device, field: 'state', read: readState }
  if (path === '$description') return { device, read: readDescription }
  if (path === '$name') return { device, read: readName }
  if (last === '$unit' && levels.length > 1)
    return { device, field: levels.slice(0, -1).join('.'), read: readUnit }
  if (levels[0] === '$stats' && levels.length === 2) return { device, field: path.replace('/', '.') }
  return { ignore: levels[0] === '$log' || levels[0] === '$alert' ? 'log' : 'metadata' }
}

function readState(payload: Payload, plan: Plan, context: Context): Result {
  const state = payload.text() ?? ''
  const available = state === 'ready' || state === 'alert' || state === 'sleeping'
  if (state !== '' && state !== 'init')
    context.tell({ device: plan.object.device, family: 'homie', available })
  return state === '' ? METADATA : scalarResult(state, plan)
}

function readName(payload: Payload, plan: Plan, context: Context): Result {
  const name = payload.text()
  if (name !== null && name !== '') context.tell({ device: plan.object.device, family: 'homie', name })
  return METADATA
}

function readUnit(payload: Payload, plan: Plan, context: Context): Result {
  const unit = payload.text()
  const { device, leaf } = plan.scalar
  const topic = plan.levels.slice(0, -1).join('/')
  if (unit !== null && unit !== '') context.tell({ device, topic, field: leaf, unit, family: 'homie' })
  return METADATA
}

function readDescription(payload: Payload, plan: Plan, context: Context): Result {
  const { name, nodes } = objectOf(payload.json())
  const { device } = plan.object
  const title = textOf(name)
  if (title !== undefined) context.tell({ device, family: 'homie', name: title })
  const root = plan.levels.slice(0, -1).join('/')
  for (const [node, { properties }] of Object.entries(objectOf(nodes)).map(
    ([id, json]) => [id, objectOf(json)] as const,
  )) {
    for (const [property, json] of Object.entries(objectOf(properties))) {
      const unit = textOf(objectOf(json).unit)
      const at = { topic: `${root}/${node}/${property}`, field: `${node}.${property}` }
      if (unit !== undefined) context.tell({ device, ...at, unit, family: 'homie' })
    }
  }
  return METADATA
}
