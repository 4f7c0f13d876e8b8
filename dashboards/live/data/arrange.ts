/** Which devices a list shows, in which order and under which heads. */

import { type Kind, kindOf } from '../words/fields.ts'
import type { Device } from './fleet.ts'
import type { DeviceState } from './rhythm.ts'

export type Order = 'room' | 'name' | 'worst' | 'age'
export type KindFilter = 'all' | 'attention' | Exclude<Kind, 'other'>

export interface Wishes {
  readonly search: string
  readonly kind: KindFilter
  readonly order: Order
}

export interface Group {
  /** Empty for a list without heads. */
  readonly name: string
  readonly devices: readonly Device[]
  /** What a folded room holds; then `devices` is empty. */
  readonly folded?: readonly Device[]
}

export const NO_ROOM = 'No room'
const SEVERITY: Readonly<Record<DeviceState, number>> = {
  alarm: 0,
  late: 1,
  offline: 2,
  unknown: 3,
  reporting: 3,
}
const byText = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare

export function arrange(devices: Iterable<Device>, wishes: Wishes): readonly Group[] {
  const words = wishes.search.toLowerCase().split(/\s+/).filter(Boolean)
  const shown = [...devices].filter(device => matchesKind(device, wishes.kind) && matchesWords(device, words))
  shown.sort((a, b) => byText(a.name, b.name) || byText(a.id, b.id))
  if (wishes.order === 'worst') shown.sort((a, b) => severity(a) - severity(b))
  if (wishes.order === 'age') shown.sort((a, b) => b.lastMs - a.lastMs)
  if (wishes.order !== 'room') return shown.length === 0 ? [] : [{ name: '', devices: shown }]
  return groupByRoom(shown)
}

export function groupByRoom(devices: readonly Device[]): readonly Group[] {
  const rooms = new Map<string, Device[]>()
  for (const device of devices) {
    const room = rooms.get(device.room)
    if (room) room.push(device)
    else rooms.set(device.room, [device])
  }
  const named = [...rooms].filter(([name]) => name !== '').sort(([a], [b]) => byText(a, b))
  const homeless = rooms.get('')
  const groups = named.map(([name, devices]) => ({ name, devices }))
  if (!homeless) return groups
  return [...groups, { name: groups.length === 0 ? '' : NO_ROOM, devices: homeless }]
}

export function kindOfDevice(device: Device): Kind {
  return device.primary ? kindOf(device.primary) : 'other'
}

export const severity = (device: Device) => SEVERITY[device.state]

export function needsAttention(device: Device): boolean {
  return device.state === 'alarm' || device.state === 'late' || device.state === 'offline'
}

/** The worst of a room, for the one mark that its link carries; null when all is well. */
export function worstOf(devices: readonly Device[]): DeviceState | null {
  let worst: Device | null = null
  for (const device of devices)
    if (needsAttention(device) && (!worst || severity(device) < severity(worst))) worst = device
  return worst?.state ?? null
}

function matchesKind(device: Device, kind: KindFilter): boolean {
  if (kind === 'all') return true
  return kind === 'attention' ? needsAttention(device) : kindOfDevice(device) === kind
}

/** Every word must be found somewhere: `kitchen aqara` finds the Aqara sensors of the kitchen. */
function matchesWords(device: Device, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = `${device.name} ${device.id} ${device.room} ${device.model} ${device.family}`.toLowerCase()
  return words.every(word => text.includes(word))
}
