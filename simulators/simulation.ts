/**
 * Devices on a clock of their own: what they publish, in order, as a function of seed, start and the commands they
 * get. Nothing here knows the network or the real time, so two runs with the same input give the same bytes.
 */

import { matchesFilter } from '../bridge/telemetry/topics.ts'
import type { Change, Device, Publication, Values } from './device.ts'
import type { Random } from './random.ts'
import type { Value } from './signal.ts'

/** How often watched fields are looked at: a door is reported within half a second. */
const WATCH_MS = 500

export interface Outgoing extends Publication {
  /** Which connection it takes. */
  readonly client: string
  /** Simulated time. */
  readonly atMs: number
}

interface Slot {
  readonly device: Device
  readonly random: Random
  readonly watched: Map<string, Value>
  dueMs: number
}

export class Simulation {
  readonly startMs: number
  readonly #slots: Slot[]
  #nextWatchMs: number

  constructor(devices: readonly Device[], random: Random, startMs: number) {
    this.startMs = startMs
    this.#nextWatchMs = startMs + WATCH_MS
    this.#slots = devices.map(device => ({
      device,
      random: random.fork(`schedule ${device.name}`),
      watched: new Map(),
      dueMs: startMs,
    }))
    // Greetings report at once; the next reports are spread, as devices that were switched on at different times.
    for (const slot of this.#slots)
      slot.dueMs += Math.round(slot.device.schedule.everyMs * slot.random.between(0.2, 1))
  }

  get size(): number {
    return this.#slots.length
  }

  get clients(): readonly string[] {
    return [...new Set(this.#slots.map(slot => slot.device.shape.client))]
  }

  devicesOf(client: string): readonly Device[] {
    return this.#slots.filter(slot => slot.device.shape.client === client).map(slot => slot.device)
  }

  /** What a connection says first, whenever it comes up: who is there, and how things are. */
  greetings(client: string, nowMs: number): Outgoing[] {
    const devices = this.devicesOf(client)
    const announced = devices[0]?.shape.announce?.(devices, nowMs) ?? []
    const outgoing = announced.map(publication => stamped(publication, client, nowMs))
    for (const slot of this.#slots) {
      if (slot.device.shape.client !== client) continue
      for (const publication of slot.device.shape.greet(slot.device, nowMs)) {
        outgoing.push(stamped(publication, client, nowMs))
      }
      outgoing.push(...this.#report(slot, nowMs))
    }
    return outgoing
  }

  /** When there is something to do next. */
  get nextMs(): number {
    let next = this.#slots.some(slot => slot.device.schedule.watch !== undefined)
      ? this.#nextWatchMs
      : Infinity
    for (const slot of this.#slots) next = Math.min(next, slot.dueMs)
    return next
  }

  /** Everything that is said up to `toMs`, in order. */
  advance(toMs: number): Outgoing[] {
    const outgoing: Outgoing[] = []
    for (let nowMs = this.nextMs; nowMs <= toMs; nowMs = this.nextMs) {
      const isWatch = nowMs === this.#nextWatchMs
      if (isWatch) this.#nextWatchMs += WATCH_MS
      for (const slot of this.#slots) {
        const isDue = slot.dueMs <= nowMs
        if (isDue || (isWatch && this.#hasChanged(slot, nowMs))) outgoing.push(...this.#report(slot, nowMs))
        if (isDue) slot.dueMs = nowMs + period(slot)
      }
    }
    return outgoing
  }

  /** What devices answer to a message from elsewhere. */
  receive(client: string, topic: string, payload: Uint8Array, nowMs: number): Outgoing[] {
    const text = Buffer.from(payload).toString()
    const outgoing: Outgoing[] = []
    for (const slot of this.#slots) {
      const { device } = slot
      const { shape } = device
      if (shape.client !== client || !shape.listens.some(filter => matchesFilter(filter, topic))) continue
      const understood = shape.understand(device, topic, text, payload)
      if (understood === null) continue
      const changes = understood === 'greet' ? [] : understood.filter(change => apply(device, change))
      const values = valuesOf(device, nowMs)
      const greeting = understood === 'greet' ? shape.greet(device, nowMs) : []
      for (const said of [...greeting, ...(shape.answer?.(device, changes, values, nowMs) ?? [])]) {
        outgoing.push(stamped(said, client, nowMs))
      }
      outgoing.push(...this.#report(slot, nowMs, values))
    }
    return outgoing
  }

  #report(slot: Slot, nowMs: number, values: Values = valuesOf(slot.device, nowMs)): Outgoing[] {
    const { device, watched } = slot
    for (const name of device.schedule.watch ?? []) watched.set(name, values[name]!)
    return device.shape.report(device, values, nowMs).map(said => stamped(said, device.shape.client, nowMs))
  }

  #hasChanged({ device, watched }: Slot, nowMs: number): boolean {
    // Every watched field is read, so that a change in one does not shift the noise of the others.
    let hasChanged = false
    for (const name of device.schedule.watch ?? []) {
      const value = device.fields[name]!.read(nowMs)
      if (watched.has(name) && watched.get(name) !== value) hasChanged = true
    }
    return hasChanged
  }
}

function valuesOf(device: Device, nowMs: number): Values {
  return Object.fromEntries(Object.entries(device.fields).map(([name, field]) => [name, field.read(nowMs)]))
}

function apply(device: Device, { field, value }: Change): boolean {
  return Object.hasOwn(device.fields, field) && (device.fields[field]!.set?.(value) ?? false)
}

function period({ device, random }: Slot): number {
  const { everyMs, jitter = 0.1 } = device.schedule
  return Math.max(1, Math.round(everyMs * (1 + jitter * random.between(-1, 1))))
}

function stamped(publication: Publication, client: string, atMs: number): Outgoing {
  return { ...publication, client, atMs }
}
