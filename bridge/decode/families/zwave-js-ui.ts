/**
 * Z-Wave JS UI: `zwave/[<location>/]<node>/<command class>/<endpoint>/<property>`, with a plain value, with
 * `{time, value}`, or with a whole ValueId of which only the value counts.
 * https://zwave-js.github.io/zwave-js-ui/#/guide/mqtt
 */

import { type Claim, type Context, type Family, METADATA, type Plan, type Result } from '../family.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject, objectOf, textOf } from '../shape.ts'

export const zwaveJsUi: Family = {
  name: 'zwave-js-ui',
  topics: [['zwave|zwavejs|zwave2mqtt|zwavejs2mqtt/{path...}', ({ path }) => about(path!.split('/'))]],
}

function about(levels: readonly string[]): Claim | undefined {
  const last = levels.at(-1)!
  if (levels[0]!.startsWith('_') || levels[0] === 'driver') return { ignore: 'metadata' }
  if (last === 'set') return { ignore: 'command' }
  if (last === 'status' && levels.length <= 3)
    return { ...node(levels, levels.length - 1), isAvailability: true }
  if (last === 'nodeinfo' && levels.length <= 3)
    return { ...node(levels, levels.length - 1), read: readNodeInfo }
  if (last === 'lastActive' && levels.length <= 3) return { ignore: 'sign of life' }
  const at = commandClassAt(levels)
  return at === -1 ? undefined : { ...node(levels, at), field: levels.slice(at).join('.'), read: readValue }
}

function node(levels: readonly string[], end: number) {
  const device = levels[end - 1]!
  return end > 1 ? { device, room: levels.slice(0, end - 1).join(' ') } : { device }
}

/**
 * Node, class and endpoint may all be numbers: classes begin at 0x20, and of two readings the one with the lower
 * endpoint is right (`kitchen/48/38/0/x`).
 */
function commandClassAt(levels: readonly string[]): number {
  let best = -1
  let lowest = 128
  for (let i = 1; i + 2 < levels.length; i++) {
    const endpoint = /^(?:endpoint_)?(\d{1,3})$/.exec(levels[i + 1]!)
    const isClass =
      /^[a-z][a-z0-9_]+$/.test(levels[i]!) || (Number(levels[i]) >= 0x20 && Number(levels[i]) < 0x100)
    if (endpoint === null || !isClass || Number(endpoint[1]) >= lowest) continue
    best = i
    lowest = Number(endpoint[1])
  }
  return best
}

function readValue(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const json = payload.json()
  if (!isObject(json) || json.value === undefined) return undefined
  const { value, unit = null, time, lastUpdate, nodeName, nodeLocation } = json
  const { device } = plan.object
  const name = textOf(nodeName)
  const room = textOf(nodeLocation)
  if (name !== undefined) context.tell({ device, family: 'zwave-js-ui', name, room })
  const timestamp = time ?? lastUpdate ?? null
  return documentResult({ timestamp, value, unit }, plan, context)
}

function readNodeInfo(payload: Payload, plan: Plan, context: Context): Result {
  const { id, name, loc, productLabel, manufacturer } = objectOf(payload.json())
  const [title, room, model, maker] = [textOf(name), textOf(loc), textOf(productLabel), textOf(manufacturer)]
  const base = plan.levels[0]!
  // Numbers of nodes are the gateway's to give: whoever may write to one node's topics only says nothing about others.
  const isGateway = context.maySpeakFor(`${base}/driver/status`)
  context.tell({
    device: plan.object.device,
    topic: plan.levels.slice(0, -1).join('/'),
    family: 'zwave-js-ui',
    identity: isGateway && typeof id === 'number' ? `${base}/node ${id}` : undefined,
    name: title,
    room,
    model,
    manufacturer: maker,
  })
  return METADATA
}
