/** What messages told about other messages' values: units of fields, rooms of devices. Bounded, newest kept. */

import type { Fact } from '../telemetry/facts.ts'
import { cleanRoom } from './names.ts'
import { RecentMap } from './recent-map.ts'
import type { KnownFields } from './subject.ts'

export interface Knowledge {
  learn(facts: Iterable<Fact>): void
  /** What is known of these devices, and of what comes on these topics. */
  forget(devices: readonly string[], topics: readonly string[]): void
  roomOf(device: string): string | undefined
  /** By the topic where it is known, else by the device. */
  fieldsOf(topic: string, device: string): KnownFields | undefined
}

/** A discovery document with more fields for one topic is none. */
const MAX_FIELDS = 2_000
/** Of all topics and devices: past it the decoder begins anew, and is told again. The catalog remembers them. */
const MAX_UNITS = 400_000

/** `onChange` is told the topic whose plan is out of date, or nothing when any may be. */
export function createKnowledge(maxTopics: number, onChange: (topic?: string) => void): Knowledge {
  const byTopic = new RecentMap<string, Map<string, { unit: string }>>(maxTopics)
  const byDevice = new RecentMap<string, Map<string, { unit: string }>>(maxTopics)
  const rooms = new RecentMap<string, string>(maxTopics)

  let count = 0
  function forgetUnits(): void {
    byTopic.clear()
    byDevice.clear()
    count = 1
  }

  function dropUnits(units: typeof byTopic, key: string): void {
    count = Math.max(0, count - (units.get(key)?.size ?? 0))
    units.delete(key)
  }

  /** Whether it was news. */
  function learnUnit(units: typeof byTopic, key: string, field: string, unit: string): boolean {
    const known = units.get(key) ?? new Map<string, { unit: string }>()
    if (known.get(field)?.unit === unit || known.size >= MAX_FIELDS) return false
    if (++count > MAX_UNITS) forgetUnits()
    known.set(field, { unit })
    units.set(key, known)
    return true
  }

  function learnRoom(device: string, name: string): boolean {
    const room = cleanRoom(name)
    if (room === undefined || rooms.get(device) === room) return false
    rooms.set(device, room)
    return true
  }

  return {
    learn(facts) {
      let isNews = false
      for (const { device, topic, field, unit, room } of facts) {
        if (field !== undefined && unit !== undefined) {
          if (topic === undefined) isNews = learnUnit(byDevice, device, field, unit) || isNews
          else if (learnUnit(byTopic, topic, field, unit)) onChange(topic)
        }
        if (room !== undefined) isNews = learnRoom(device, room) || isNews
      }
      if (isNews) onChange()
    },
    forget(devices, topics) {
      for (const device of devices) {
        rooms.delete(device)
        dropUnits(byDevice, device)
      }
      for (const topic of topics) dropUnits(byTopic, topic)
      onChange()
    },
    roomOf: device => rooms.get(device),
    fieldsOf: (topic, device) => byTopic.get(topic) ?? byDevice.get(device),
  }
}
