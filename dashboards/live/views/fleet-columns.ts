/** Many devices stand in columns: read down, then on in the next, where a room that was cut repeats its head. */

import type { Group } from '../data/arrange.ts'
import type { Sizes } from './fleet-layout.ts'

export interface ColumnGroup extends Group {
  /** Its beginning stands in the column before. */
  readonly isContinued: boolean
  /** Of the whole room. */
  readonly total: number
}

/** A room is not cut so that less than this many rows are left on either side. */
const LEAST_ROWS = 3

/** Groups in `count` columns of about the same height. */
export function columnsOf(
  groups: readonly Group[],
  count: number,
  sizes: Sizes,
): readonly (readonly ColumnGroup[])[] {
  const heightOf = (group: Group) => (group.name === '' ? 0 : sizes.head) + group.devices.length * sizes.row
  const target = groups.reduce((sum, group) => sum + heightOf(group), 0) / count
  const columns: ColumnGroup[][] = [[]]
  let used = 0
  for (const group of groups) {
    const total = (group.folded ?? group.devices).length
    if (group.folded) {
      if (used >= target && columns.length < count) {
        columns.push([])
        used = 0
      }
      columns.at(-1)!.push({ ...group, isContinued: false, total })
      used += sizes.head
      continue
    }
    let rest = group.devices
    let isContinued = false
    while (rest.length > 0) {
      const room = Math.round((target - used - sizes.head) / sizes.row)
      const isLast = columns.length === count
      const taken = isLast || room >= rest.length - LEAST_ROWS ? rest.length : room < LEAST_ROWS ? 0 : room
      if (taken > 0) {
        columns.at(-1)!.push({ name: group.name, devices: rest.slice(0, taken), isContinued, total })
        used += sizes.head + taken * sizes.row
        isContinued = true
        rest = rest.slice(taken)
      }
      if (rest.length > 0) {
        columns.push([])
        used = 0
      }
    }
  }
  return columns
}
