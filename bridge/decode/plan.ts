/** Settles what can be settled by the topic alone. */

import type { Tags } from '../telemetry/reading.ts'
import { AVAILABILITY_LEVELS } from './availability.ts'
import { families } from './families.ts'
import { type Claim, type Plan, type Read, rejected } from './family.ts'
import { NO_NUMBER } from './key-rows.ts'
import { cleanRoom, uniqueName } from './names.ts'
import { neverReading } from './never.ts'
import { startsDocument } from './payload.ts'
import { type Place, placeObject, placeScalar } from './place.ts'
import { documentResult } from './results.ts'
import type { Rule, RuleMatch } from './rules.ts'
import type { KnownFields, Subject } from './subject.ts'
import { compileTemplate } from './topic-template.ts'
import type { UsualUnit } from './usual-units.ts'

/** A longer topic could not be a tag: InfluxDB holds 64 KiB for all names of a series together. */
export const MAX_TOPIC_LENGTH = 1024

/** What was learned by other messages: the room of a device, the units of a topic's fields. */
export interface Learned {
  roomOf(device: string): string | undefined
  fieldsOf(topic: string, device: string): KnownFields | undefined
}

/** The rule of the configuration for a topic. */
export type RuleFor = (levels: readonly string[]) => RuleMatch | undefined

const rows = families.flatMap(family =>
  (family.topics ?? []).map(([template, claim]) => ({ family, match: compileTemplate(template), claim })),
)

export function planTopic(whole: string, learned: Learned, ruleFor: RuleFor): Plan {
  const isTooLong = whole.length > MAX_TOPIC_LENGTH
  // Rejected, whatever it holds: thirty thousand levels are not worth a look at each.
  const topic = isTooLong ? whole.slice(0, 100).toWellFormed() : whole
  const levels = topic.split('/')
  const found = isTooLong ? undefined : claimFor(levels)
  const match = isTooLong ? undefined : ruleFor(levels)
  const claim = match === undefined ? (found?.claim ?? {}) : ruled(found?.claim ?? {}, match)
  const last = levels.at(-1)!.toLowerCase()
  return {
    topic,
    levels,
    by: match?.by ?? found?.by ?? 'general',
    ignore: isTooLong ? undefined : reasonToIgnore(levels, claim, match),
    isAvailability: claim.isAvailability ?? (match === undefined && AVAILABILITY_LEVELS.has(last)),
    read: isTooLong ? () => rejected('topic too long') : claim.read,
    rule: match?.rule,
    usual: { rowNumber: NO_NUMBER },
    ...subjects(topic, levels, claim, { learned, match, usualUnit: found?.usualUnit }),
  }
}

function reasonToIgnore(
  levels: readonly string[],
  claim: Claim,
  match: RuleMatch | undefined,
): string | undefined {
  if (match !== undefined) return match.rule.ignore === true ? 'rule' : undefined
  // A family that has a reader for a topic knows better than the words in it.
  return claim.ignore ?? (claim.read === undefined ? neverReading(levels) : undefined)
}

/** A rule that names the device stands above the family, whose reader still reads. */
function ruled(claim: Claim, { rule, device, room, field }: RuleMatch): Claim {
  const read = rule.columns === undefined ? claim.read : readColumns(rule.columns)
  const isPlaced = device !== undefined || field !== undefined
  const place = {
    device: device ?? claim.device,
    room: room ?? claim.room,
    field: field ?? (isPlaced ? undefined : claim.field),
  }
  const plain = isPlaced ? undefined : claim.plain
  return Object.fromEntries(
    Object.entries({ ...claim, ignore: undefined, ...place, plain, read }).filter(
      ([, value]) => value !== undefined,
    ),
  )
}

/** Values in a row: `21.5;40;97`, `21.5, 40`. */
function readColumns(columns: readonly string[]): Read {
  return (payload, plan, context) => {
    const text = payload.text()
    if (text === null || startsDocument(text)) return undefined
    const separator = ['\t', ';', '|', ','].find(char => text.includes(char)) ?? ' '
    const cells = text.split(separator).map(cell => cell.trim())
    const named = columns.flatMap((name, i) =>
      name === '' || cells[i] === undefined ? [] : [[name, cells[i]]],
    )
    return documentResult(Object.fromEntries(named), plan, context)
  }
}

function claimFor(levels: readonly string[]): Found | undefined {
  for (const row of rows) {
    const captures = row.match(levels)
    const claim = captures && row.claim(captures, levels)
    if (claim !== undefined) return { claim, by: row.family.name, usualUnit: row.family.usualUnit }
  }
  return undefined
}

interface Found {
  readonly claim: Claim
  readonly by: string
  readonly usualUnit: UsualUnit | undefined
}

interface Sources {
  readonly usualUnit: UsualUnit | undefined
  readonly learned: Learned
  readonly match: RuleMatch | undefined
}

function subjects(
  topic: string,
  levels: readonly string[],
  claim: Claim,
  { learned, match, usualUnit }: Sources,
) {
  const topicTag = uniqueName(topic, MAX_TOPIC_LENGTH)
  const ruleTags = Object.entries(match?.tags ?? {}).map(([name, value]) => [
    uniqueName(name),
    uniqueName(value),
  ])
  const subject = ({ device, room, ...rest }: Place, same?: Tags): Subject => {
    const roomTag = (match?.room === undefined ? room : cleanRoom(match.room)) ?? learned.roomOf(device)
    const isSame = same !== undefined && same.room === roomTag
    const own = roomTag === undefined ? { topic: topicTag } : { topic: topicTag, room: roomTag }
    const tags: Tags = isSame ? same : { ...Object.fromEntries(ruleTags), ...own }
    const known = knownFields(learned.fieldsOf(topic, device), match?.rule)
    return { ...rest, device, tags, levels, known, usualUnit }
  }
  const object = subject(placeBy(claim, placeObject(topic), true))
  return { object, scalar: subject(placeBy(claim, placeScalar(topic), false), object.tags) }
}

/** Fields that a rule declares to be texts are not to be read as numbers first: `1.10` would become 1.1. */
function knownFields(learned: KnownFields | undefined, rule: Rule | undefined): KnownFields | undefined {
  if (rule?.types === undefined) return learned
  const known = new Map(learned)
  const renamed = Object.entries(rule.rename ?? {})
  for (const [name, type] of Object.entries(rule.types)) {
    if (type !== 'text') continue
    const old = renamed.find(([, to]) => to === name)?.[0] ?? name
    known.set(old, { ...known.get(old), isText: true })
  }
  return known
}

function placeBy(claim: Claim, general: Place, isObject: boolean): Place {
  const device = isObject ? claim.device : (claim.plain?.device ?? claim.device)
  if (device === undefined && claim.field === undefined) return general
  const fieldName = isObject ? claim.field : (claim.plain?.field ?? claim.field)
  const field = fieldName === undefined ? undefined : uniqueName(fieldName)
  const isBare = field === undefined || (isObject && claim.isObjectBare === true)
  return {
    device: device === undefined ? general.device : uniqueName(device),
    room:
      claim.room === undefined ? (device === undefined ? general.room : undefined) : cleanRoom(claim.room),
    prefix: isBare ? '' : `${field}.`,
    leaf: field ?? general.leaf,
    isShared: claim.isShared ?? false,
  }
}
