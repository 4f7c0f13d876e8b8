/**
 * Wiren Board: `/devices/<device>/controls/<control>` with a plain value; units, names and types stand below
 * `.../meta`, and `.../on` is a command. https://github.com/wirenboard/conventions
 */

import { type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import type { Payload } from '../payload.ts'
import { isObject, objectOf, textOf } from '../shape.ts'

export const wirenboard: Family = {
  name: 'wirenboard',
  topics: [
    ['/devices/{device}/controls/{control}', ({ device, control }) => ({ device: device!, field: control! })],
    ['/devices/{device}/controls/{control}/on', ignore('command')],
    [
      '/devices/{device}/controls/{control}/meta',
      ({ device, control }) => ({ device: device!, field: control!, read: readMeta }),
    ],
    [
      '/devices/{device}/controls/{control}/meta/units',
      ({ device, control }) => ({ device: device!, field: control!, read: readUnits }),
    ],
    ['/devices/{device}/controls/{control}/meta/#', ignore('metadata')],
    ['/devices/{device}/meta', ({ device }) => ({ device: device!, read: readDevice })],
    ['/devices/{device}/meta/name', ({ device }) => ({ device: device!, read: readName })],
    ['/devices/{device}/meta/#', ignore('metadata')],
  ],
}

function readMeta(payload: Payload, plan: Plan, context: Context): Result {
  return tellUnit(textOf(objectOf(payload.json()).units), plan.levels.slice(0, -1), plan, context)
}

function readUnits(payload: Payload, plan: Plan, context: Context): Result {
  return tellUnit(payload.text() ?? undefined, plan.levels.slice(0, -2), plan, context)
}

function tellUnit(
  unit: string | undefined,
  topic: readonly string[],
  { scalar }: Plan,
  context: Context,
): Result {
  const at = { device: scalar.device, topic: topic.join('/'), field: scalar.leaf }
  if (unit !== undefined && unit !== '') context.tell({ ...at, unit, family: 'wirenboard' })
  return METADATA
}

/** `{"title":{"en":"Meter"}}`, or a text. */
function readDevice(payload: Payload, { scalar: { device } }: Plan, context: Context): Result {
  const { title } = objectOf(payload.json())
  const name = isObject(title) ? textOf(title.en ?? Object.values(title)[0]) : textOf(title)
  if (name !== undefined) context.tell({ device, name, family: 'wirenboard' })
  return METADATA
}

function readName(payload: Payload, { scalar: { device } }: Plan, context: Context): Result {
  const name = payload.text()
  if (name !== null && name !== '') context.tell({ device, name, family: 'wirenboard' })
  return METADATA
}
