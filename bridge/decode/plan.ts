/** Settles what can be settled by the topic alone. */

import type { Tags } from '../telemetry/reading.ts'
import { AVAILABILITY_LEVELS } from './availability.ts'
import type { KnownFields, Subject } from './document.ts'
import { families } from './families.ts'
import type { Claim, Plan } from './family.ts'
import { cleanName, cleanRoom } from './names.ts'
import { neverReading } from './never.ts'
import { type Place, placeObject, placeScalar } from './place.ts'
import { compileTemplate } from './topic-template.ts'

/** A longer topic could not be a tag: InfluxDB holds 64 KiB for all names of a series together. */
const MAX_TOPIC_LENGTH = 1024

/** What was learned by other messages: the room of a device, the units of a topic's fields. */
export interface Learned {
  roomOf(device: string): string | undefined
  fieldsOf(topic: string): KnownFields | undefined
}

const rows = families.flatMap(family =>
  (family.topics ?? []).map(([template, claim]) => ({ family, match: compileTemplate(template), claim })),
)

export function planTopic(topic: string, learned: Learned): Plan {
  const levels = topic.split('/')
  const found = topic.length > MAX_TOPIC_LENGTH ? undefined : claimFor(levels)
  const claim = found?.claim ?? {}
  const refusal = topic.length > MAX_TOPIC_LENGTH ? 'topic too long' : undefined
  // A family that has a reader for a topic knows better than the words in it.
  const isClaimed = claim.read !== undefined
  const ignore = refusal ?? claim.ignore ?? (isClaimed ? undefined : neverReading(levels))
  const last = levels.at(-1)!.toLowerCase()
  return {
    topic,
    levels,
    by: found?.by ?? 'general',
    ignore,
    isAvailability: claim.isAvailability ?? AVAILABILITY_LEVELS.has(last),
    read: claim.read,
    ...subjects(topic, levels, claim, learned),
  }
}

function claimFor(levels: readonly string[]): { claim: Claim; by: string } | undefined {
  for (const row of rows) {
    const captures = row.match(levels)
    const claim = captures && row.claim(captures, levels)
    if (claim !== undefined) return { claim, by: row.family.name }
  }
  return undefined
}

function subjects(topic: string, levels: readonly string[], claim: Claim, learned: Learned) {
  const objectPlace = placeBy(claim, placeObject(topic), true)
  const scalarPlace = placeBy(claim, placeScalar(topic), false)
  const known = learned.fieldsOf(topic)
  const subject = ({ device, room, ...rest }: Place, tags?: Tags): Subject => {
    const roomTag = room ?? learned.roomOf(device)
    const topicTag = cleanName(topic, MAX_TOPIC_LENGTH)
    const isSame = tags !== undefined && tags.room === roomTag
    const own = isSame
      ? tags
      : roomTag === undefined
        ? { topic: topicTag }
        : { topic: topicTag, room: roomTag }
    return { ...rest, device, tags: own, levels, known }
  }
  const object = subject(objectPlace)
  return { object, scalar: subject(scalarPlace, object.tags) }
}

function placeBy(claim: Claim, general: Place, isObject: boolean): Place {
  const device = isObject ? claim.device : (claim.plain?.device ?? claim.device)
  if (device === undefined) return general
  const fieldName = isObject ? claim.field : (claim.plain?.field ?? claim.field)
  const field = fieldName === undefined ? undefined : cleanName(fieldName)
  const isBare = field === undefined || (isObject && claim.isObjectBare === true)
  return {
    device: cleanName(device),
    room: claim.room === undefined ? undefined : cleanRoom(claim.room),
    prefix: isBare ? '' : `${field}.`,
    leaf: field ?? general.leaf,
    isShared: claim.isShared ?? false,
  }
}
