/**
 * Sparkplug B: `spBv1.0/<group>/<type>/<node>[/<device>]`. A birth gives names, types and units; data messages may
 * then come with aliases only. Sequence numbers show what was missed: a rebirth is asked for then, and the data
 * is kept all the same. https://sparkplug.eclipse.org/specification/
 */

import type { Request } from '../../telemetry/facts.ts'
import type { Field, Reading, Value } from '../../telemetry/reading.ts'
import { spellUnit } from '../../telemetry/units.ts'
import {
  type Claim,
  type Context,
  type Family,
  ignore,
  ignored,
  METADATA,
  type Plan,
  type Result,
  rejected,
} from '../family.ts'
import { fieldName, uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { RecentMap } from '../recent-map.ts'
import { plausible } from '../time.ts'
import {
  type Metric,
  type Raw,
  readPayload,
  rebirthCommand,
  type SparkplugPayload,
} from './sparkplug-payload.ts'

export const sparkplug: Family = {
  name: 'sparkplug-b',
  topics: [
    ['spBv1.0/STATE/#', ignore('state of a host')],
    ['STATE/{host}', ignore('state of a host')],
    ['spBv1.0/{group}/NCMD|DCMD/#', ignore('command')],
    ['spBv1.0/{group}/NBIRTH|NDATA|NDEATH/{node}', ({ node }) => about(node!)],
    ['spBv1.0/{group}/DBIRTH|DDATA|DDEATH/{node}/{device}', ({ device }) => about(device!)],
  ],
}

const about = (device: string): Claim => ({ device, read })

/** What a host application says about itself, retained and as its will. */
export function hostState(hostId: string, isOnline: boolean, nowMs: number): Request {
  const payload = Buffer.from(JSON.stringify({ online: isOnline, timestamp: nowMs }))
  return { topic: `spBv1.0/STATE/${hostId}`, payload, qos: 1, retain: true }
}

interface Known {
  readonly name: string
  readonly datatype: number
  readonly unit: string | undefined
}

/** What the birth of a node, or of one of its devices, said. */
interface Birth {
  readonly byAlias: Map<bigint, Known>
  readonly byName: Map<string, Known>
}

interface Node {
  seq: number | undefined
  askedAtUs: number
  /** In all of its births. */
  metrics: number
  readonly births: RecentMap<string, Birth>
  readonly devices: Set<string>
}

/** All nodes together; at any of these bounds the oldest are forgotten, and asked for their births again. */
interface Memory {
  nodes: RecentMap<string, Node>
  metrics: number
}

const MAX_NODES = 5_000
const MAX_DEVICES = 2_000
const MAX_METRICS = 1_000_000
/** A node that keeps missing its births is asked this often. */
const ASK_AGAIN_US = 30e6

function read(payload: Payload, plan: Plan, context: Context): Result {
  const [, group = '', type = '', nodeId = '', device = ''] = plan.levels
  const memory = context.memory<Memory>('sparkplug-b', emptyMemory)
  const node = nodeOf(memory, `${group}/${nodeId}`)
  if (type === 'NDEATH') return readDeath(type, node, plan, context)

  let message: SparkplugPayload
  try {
    message = readPayload(payload.bytes)
  } catch {
    return rejected('broken Sparkplug payload')
  }
  const isBirth = type.endsWith('BIRTH')
  if (type === 'NBIRTH') forget(node, memory)
  const hasGap = isOutOfOrder(node, message, type)
  if (type === 'DDEATH') return readDeath(type, node, plan, context)
  if (isBirth) {
    const birth = takeBirth(message, plan, context)
    const more = birth.byName.size - (node.births.get(device)?.byName.size ?? 0)
    node.metrics += more
    memory.metrics += more
    node.births.set(device, birth)
    if (node.devices.size < MAX_DEVICES) node.devices.add(plan.object.device)
  }
  const birth = node.births.get(device)
  if (!isBirth && (hasGap || birth === undefined)) askForRebirth(group, nodeId, node, context)
  const found = readMetrics(message, birth, plan, context)
  if (found.unknown === 0)
    return found.readings.length === 0 ? ignored('no values') : { kind: 'readings', readings: found.readings }
  askForRebirth(group, nodeId, node, context)
  const reason = 'alias without a birth'
  return found.readings.length === 0
    ? rejected(reason)
    : { kind: 'readings', readings: found.readings, cut: reason }
}

function emptyMemory(): Memory {
  return { nodes: new RecentMap(MAX_NODES), metrics: 0 }
}

function nodeOf(memory: Memory, key: string): Node {
  if (memory.metrics > MAX_METRICS) Object.assign(memory, emptyMemory())
  const known = memory.nodes.get(key)
  if (known !== undefined) return known
  const node: Node = {
    seq: undefined,
    askedAtUs: 0,
    metrics: 0,
    births: new RecentMap(MAX_DEVICES),
    devices: new Set(),
  }
  memory.nodes.set(key, node)
  return node
}

/** A birth of the node ends what was known about its devices. */
function forget(node: Node, memory: Memory): void {
  memory.metrics -= node.metrics
  node.metrics = 0
  node.births.clear()
  node.devices.clear()
}

function isOutOfOrder(node: Node, { seq }: SparkplugPayload, type: string): boolean {
  const expected = node.seq === undefined || type === 'NBIRTH' ? seq : (node.seq + 1) % 256
  node.seq = seq === undefined ? undefined : seq % 256
  return seq !== undefined && seq !== expected
}

function takeBirth(message: SparkplugPayload, plan: Plan, context: Context): Birth {
  const birth: Birth = { byAlias: new Map(), byName: new Map() }
  const name = plan.object.device
  context.tell({ device: name, family: 'sparkplug-b', available: true })
  for (const metric of message.metrics) {
    const unit = metric.unit === undefined ? undefined : spellUnit(metric.unit)
    const known = { name: metric.name, datatype: metric.datatype, unit }
    if (metric.alias !== undefined) birth.byAlias.set(metric.alias, known)
    birth.byName.set(metric.name, known)
    if (unit !== undefined)
      context.tell({ device: name, field: uniqueName(metric.name), unit, family: 'sparkplug-b' })
  }
  return birth
}

/** With its node, all devices of it are gone. */
function readDeath(type: string, node: Node, plan: Plan, context: Context): Result {
  const gone = type === 'NDEATH' ? new Set([plan.object.device, ...node.devices]) : [plan.object.device]
  for (const device of gone) context.tell({ device, family: 'sparkplug-b', available: false })
  if (type === 'NDEATH') node.seq = undefined
  return METADATA
}

function askForRebirth(group: string, nodeId: string, node: Node, context: Context): void {
  if (context.nowUs - node.askedAtUs < ASK_AGAIN_US) return
  node.askedAtUs = context.nowUs
  const payload = rebirthCommand(Math.floor(context.nowUs / 1000))
  context.ask({ topic: `spBv1.0/${group}/NCMD/${nodeId}`, payload, qos: 0, retain: false })
}

function readMetrics(message: SparkplugPayload, birth: Birth | undefined, plan: Plan, context: Context) {
  const { device, tags } = plan.object
  const byTime = new Map<number | null, Map<string, Field>>()
  let unknown = 0
  for (const metric of message.metrics) {
    const known =
      metric.name !== '' ? birth?.byName.get(metric.name) : birth?.byAlias.get(metric.alias ?? -1n)
    const name = metric.name !== '' ? metric.name : known?.name
    if (name === undefined) unknown++
    if (name === undefined || name === '' || isBookkeeping(name)) continue
    const timestampMs = metric.timestampMs ?? message.timestampMs
    const timeUs = timestampMs === undefined ? null : plausible(timestampMs * 1000, context.nowUs)
    const fields = byTime.get(timeUs) ?? new Map<string, Field>()
    byTime.set(timeUs, fields)
    addFields(fields, name, metric, known)
  }
  const readings: Reading[] = []
  for (const [timeUs, fields] of byTime) {
    if (fields.size > 0)
      readings.push({ device, measurement: 'reading', tags, fields: [...fields.values()], timeUs })
  }
  return { readings, unknown }
}

function isBookkeeping(name: string): boolean {
  return name === 'bdSeq' || name.startsWith('Node Control/') || name.startsWith('Device Control/')
}

function addFields(fields: Map<string, Field>, path: string, metric: Metric, known: Known | undefined): void {
  if (metric.isNull || metric.isDefinition) return
  for (const member of metric.members ?? []) addFields(fields, `${path}.${member.name}`, member, undefined)
  const value = meaningOf(metric.value, metric.datatype || (known?.datatype ?? 0))
  if (value === undefined) return
  const name = fieldName(uniqueName(path))
  const unit = metric.unit === undefined ? known?.unit : spellUnit(metric.unit)
  fields.set(name, unit === undefined ? { name, value } : { name, value, unit })
}

/** Datatypes by their numbers in the specification: small integers travel as unsigned 32 bits, long ones as 64. */
const SIGNED_BITS: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 16],
  [3, 32],
  [4, 64],
])

function meaningOf(raw: Raw | undefined, datatype: number): Value | undefined {
  if (raw === undefined || raw instanceof Uint8Array) return undefined
  if (typeof raw === 'string')
    return raw !== '' && raw.isWellFormed() && raw.length <= 64_000 ? raw : undefined
  if (typeof raw === 'boolean') return raw
  if (datatype === 11) return Number(raw) !== 0
  if (typeof raw === 'number' && !Number.isInteger(raw)) return Number.isFinite(raw) ? raw : undefined
  const bits = SIGNED_BITS.get(datatype)
  if (bits === undefined && typeof raw === 'number') return raw
  const exact = bits === undefined ? BigInt(raw) : BigInt.asIntN(bits, BigInt(raw))
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
}
