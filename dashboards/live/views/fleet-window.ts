/** Which rows of a list must exist: with many devices, those in view and some around. */

import type { Group } from '../data/arrange.ts'
import type { Sizes } from './fleet-layout.ts'

/** Up to here every row is made, so that the browser's own search finds them. */
const WINDOW_ABOVE = 100
const OVERSCAN_PX = 400

export interface Window {
  readonly first: number
  /** One past the last. */
  readonly end: number
}

/** For each group the rows that must exist; null where all of them do, as `total` is small. */
export function windowsOf(
  groups: readonly Group[],
  sizes: Sizes,
  view: { readonly top: number; readonly bottom: number },
  total: number,
): readonly (Window | null)[] {
  if (total <= WINDOW_ABOVE) return groups.map(() => null)
  let top = 0
  return groups.map(group => {
    if (group.name !== '') top += sizes.head
    const count = group.devices.length
    const clamp = (at: number) => Math.min(count, Math.max(0, at))
    const first = clamp(Math.floor((view.top - OVERSCAN_PX - top) / sizes.row))
    const end = clamp(Math.ceil((view.bottom + OVERSCAN_PX - top) / sizes.row))
    top += count * sizes.row
    return { first, end }
  })
}
