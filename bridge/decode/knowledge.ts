/** What messages told about other topics' values: units of fields, rooms of devices. Bounded, newest kept. */

import type { Fact } from '../telemetry/facts.ts'
import type { KnownFields } from './document.ts'
import { cleanRoom } from './names.ts'
import { RecentMap } from './recent-map.ts'

export interface Knowledge {
  learn(facts: Iterable<Fact>): void
  roomOf(device: string): string | undefined
  fieldsOf(topic: string): KnownFields | undefined
}

/** A discovery document with more fields for one topic is none. */
const MAX_FIELDS_PER_TOPIC = 2_000

/** `onChange` is told the topic whose plan is out of date, or nothing when any may be. */
export function createKnowledge(maxTopics: number, onChange: (topic?: string) => void): Knowledge {
  const fields = new RecentMap<string, Map<string, { unit: string }>>(maxTopics)
  const rooms = new RecentMap<string, string>(maxTopics)

  function learnUnit(topic: string, field: string, unit: string): void {
    const known = fields.get(topic) ?? new Map<string, { unit: string }>()
    if (known.get(field)?.unit === unit || known.size >= MAX_FIELDS_PER_TOPIC) return
    known.set(field, { unit })
    fields.set(topic, known)
    onChange(topic)
  }

  function learnRoom(device: string, name: string): void {
    const room = cleanRoom(name)
    if (room === undefined || rooms.get(device) === room) return
    rooms.set(device, room)
    onChange()
  }

  return {
    learn(facts) {
      for (const { device, topic, field, unit, room } of facts) {
        if (topic !== undefined && field !== undefined && unit !== undefined) learnUnit(topic, field, unit)
        if (room !== undefined) learnRoom(device, room)
      }
    },
    roomOf: device => rooms.get(device),
    fieldsOf: topic => fields.get(topic),
  }
}
