/** Rooms of a very large fleet start folded: a head each, until one is opened. */

import { signal } from '@preact/signals'
import type { Group } from '../data/arrange.ts'

/** With more devices than this. */
export const FOLD_ABOVE = 1_000

/** Rooms that were opened; for as long as the page is. */
export const openRooms = signal<ReadonlySet<string>>(new Set())

export function openRoom(name: string, isOpen: boolean): void {
  const rooms = new Set(openRooms.value)
  if (isOpen) rooms.add(name)
  else rooms.delete(name)
  openRooms.value = rooms
}

export function foldGroups(groups: readonly Group[], open: ReadonlySet<string>): readonly Group[] {
  return groups.map(group =>
    group.name === '' || open.has(group.name) ? group : { ...group, devices: [], folded: group.devices },
  )
}
