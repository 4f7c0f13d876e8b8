/**
 * Where the values of a topic belong, when no family and no rule says so: which level is the device, which the
 * room, and which belong to the field.
 *
 *   home/kitchen/thermo-1/state   {..}    device thermo-1, room kitchen
 *   home/hall/door/state          {..}    device door, room hall
 *   home/kitchen/temperature      21.5    device kitchen, field temperature
 *   plant/meter9/telemetry        {..}    device meter9
 *   garage/opener/relay/0         ON      device opener, field relay.0
 *   cars/1/battery_level          88      device cars/1, field battery_level
 *   lab/node1/env/temperature     21      device node1, field env.temperature
 *   van/battery/soc               81      device van, field battery.soc
 *   office/loft/air-data          {..}    device loft, fields air-data.*
 *
 * Levels that only say what kind of message it is are dropped; numbers and parts of a device (`relay`, `ch0`)
 * belong to the field, so that two of them never share a series.
 */

import { isQuantityWord } from '../telemetry/field-classes.ts'
import {
  isAspect,
  isCalledDevice,
  isCommon,
  isDirection,
  isFiller,
  isFloor,
  isGateway,
  isGeneric,
  isGroup,
  isHome,
  isIndex,
  isKindOfMessage,
  isMachinePart,
  isMark,
  isMeasured,
  isName,
  isNumbered,
  isNumberedChip,
  isPart,
  isQuantity,
  isSerial,
  isSetting,
  isShared,
} from './levels.ts'
import { cleanRoom, uniqueName } from './names.ts'

export interface Place {
  readonly device: string
  readonly room: string | undefined
  /** Before the field names of an object: '' or `relay.0.`. */
  readonly prefix: string
  /** The field name of a plain value. */
  readonly leaf: string
  /** The topic names no device: an identity in the payload does. */
  readonly isShared: boolean
}

export function placeObject(topic: string): Place {
  const levels = levelsOf(topic)
  let end = levels.length
  while (end > 1 && (isGeneric(levels[end - 1]!) || isDirection(levels[end - 1]!))) end--
  const at = isInRoom(levels, end) ? { from: 2, to: 2 } : deviceAt(levels, end, end - 1)
  return place(levels, at, levels.slice(at.to + 1, end), end < levels.length ? levels[end]! : 'value')
}

/** `home/<room>/<device>/state`: the one convention that we promise, even where a door is called `door`. */
function isInRoom(levels: readonly string[], end: number): boolean {
  return end === 3 && levels.length === 4 && isHome(levels[0]!) && !isIndex(levels[2]!)
}

export function placeScalar(topic: string): Place {
  const levels = levelsOf(topic)
  if (levels.length === 1) return place(levels, { from: 0, to: 0 }, [], levels[0]!)
  let end = levels.length - 1
  let leaf = levels[end]!
  const before = levels[end - 1]!
  // `battery/current` is a current.
  if (isGeneric(leaf) && !isQuantity(leaf) && end > 1 && (isQuantity(before) || isSetting(before))) {
    leaf = before
    end--
  } else if (isMeasured(before) && isName(leaf) && (end === 1 || (end === 2 && isCommon(levels[0]!)))) {
    // `home/temperature/kitchen`, `sensors/temperature/28-0316a4c2ff`: the quantity stands before its device.
    return place(levels, { from: end, to: end }, [], before)
  } else if (end === 1 && isCommon(before) && (isNumbered(leaf) || isSerial(leaf))) {
    // `sensors/node7`: no quantity at all.
    return place(levels, { from: 1, to: 1 }, [], 'value')
  }
  // `pack/bms/cells/3`: what is numbered belongs to the field, but for devices that are (`racks/2`).
  const isListed = isIndex(leaf) && end > 2 && !isIndex(before) && !isNumbered(before)
  const at = deviceAt(levels, end, isListed ? end - 2 : end - 1)
  return place(levels, at, levels.slice(at.to + 1, end), leaf)
}

function place(levels: readonly string[], at: Span, path: readonly string[], leaf: string): Place {
  const prefix = path
    .filter(level => !isFiller(level))
    .map(level => `${uniqueName(level)}.`)
    .join('')
  const isInHome = isHome(levels[0]!)
  const above = isInHome && at.from >= 2 ? levels[at.from - 1] : undefined
  const room = above === undefined || isFloor(above) ? undefined : above
  const device = levels.slice(at.from, at.to + 1).join('/')
  return {
    device: uniqueName(device),
    room: room === undefined ? undefined : cleanRoom(room),
    prefix,
    leaf: prefix + uniqueName(leaf),
    isShared: isCommon(device) || isGeneric(device),
  }
}

/** The device's levels, both inclusive. */
interface Span {
  readonly from: number
  readonly to: number
}

/** Levels from `end` on are the field's; `last` is the first candidate, going up. */
function deviceAt(levels: readonly string[], end: number, last: number): Span {
  const strong = levels.slice(0, end).findLastIndex(isSerial)
  if (strong !== -1) return { from: strong, to: strong }

  // `devices/press/motor/rpm`: the topic says where its device is.
  const mark = levels.findIndex((level, i) => i < last && isMark(level))
  if (
    mark !== -1 &&
    !isGeneric(levels[mark + 1]!) &&
    !isCommon(levels[mark + 1]!) &&
    !isIndex(levels[mark + 1]!)
  )
    return { from: mark + 1, to: mark + 1 }

  // `web1/disk/root/used`: what a machine is made of, and below it which one.
  const machine = levels.findIndex((level, i) => i > 1 && i <= last && isMachinePart(level))
  let at = machine === -1 || isCommon(levels[machine - 1]!) ? last : machine - 1
  while (at > 0 && isPartOf(levels, at)) at--
  if (at > 0 && isShared(levels[at]!) && !isCommon(levels[at - 1]!)) at--
  if (isIndex(levels[at]!) && at > 0) {
    // `cars/1`: the number tells one car from the other. `knx/1/1/7`: the whole address is the field.
    if (isIndex(levels[at - 1]!)) while (at > 0 && (isIndex(levels[at]!) || isGeneric(levels[at]!))) at--
    else return isNumbered(levels[at - 1]!) ? { from: at - 1, to: at - 1 } : { from: at - 1, to: at }
  }
  // As two levels, `meters/water` is as likely a meter called water; before a field (`car/battery/soc`) it is not.
  const isDeep = last > 1 || (end < levels.length && !isGroup(levels[0]!))
  while (at > 0) {
    const above = namedAbove(levels, at)
    // `panel7/state/p1b2`: even what is numbered is a part, where the device stands apart from it.
    const isApart = above < at - 1 && isNumbered(levels[above]!) && !isGateway(levels[above]!)
    if (
      !isApart &&
      !isGroupOf(levels[at]!, levels[above]!, isDeep) &&
      !(isAspect(levels[at]!) && !isCommon(levels[above]!))
    )
      break
    at = above
    if (isIndex(levels[at]!) && at > 0) return { from: at - 1, to: at }
  }
  return { from: at, to: at }
}

/** `press-7/events/temperature`: generic levels between say nothing. */
function namedAbove(levels: readonly string[], at: number): number {
  let above = at - 1
  while (above > 0 && isGeneric(levels[above]!)) above--
  return above
}

function isPartOf(levels: readonly string[], at: number): boolean {
  if (at === 1 && isCommon(levels[0]!)) return false
  // `energy/pzem-3`: what is above is no device.
  if (at === 1 && isGroup(levels[0]!) && isNumberedChip(levels[1]!)) return false
  // `modbus/meter1/state/voltage`: says no more in the middle than at the end.
  if (isGeneric(levels[at]!)) return true
  // `metric/v/b/soc`: abbreviated groups.
  if (at >= 3 && levels[at]!.length === 1 && !isIndex(levels[at]!)) return true
  if (!isIndex(levels[at]!)) return isPart(levels[at]!)
  const above = levels[at - 1]!
  return isPart(above) || (at >= 2 && (isQuantityWord(above) || isGroup(above)))
}

/** `node1/matrix`, `truck12/location`: what stands above is the device. */
function isGroupOf(level: string, above: string, isDeep: boolean): boolean {
  if (isNumbered(level) || isCommon(above)) return false
  if (isKindOfMessage(level) || isIndex(above)) return true
  // What a numbered gateway has below it are devices.
  if (isNumbered(above) && !isGateway(above)) return true
  return isDeep && (isGroup(level) || isCalledDevice(above))
}

function levelsOf(topic: string): string[] {
  const levels = topic.split('/').filter(level => level !== '')
  return levels.length === 0 ? [topic] : levels
}
