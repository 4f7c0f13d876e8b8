/** Sizes of the list, and which part of it is in view. */

import { signal } from '@preact/signals'

/** The view moves in steps of this. */
const STEP_PX = 200
const phone = matchMedia('(max-width: 639px)')

/** How many columns of a dense list the page has room for. */
export const columnCount = signal(1)
const COLUMN_REM = 22.5
const COLUMN_GAP_REM = 2
const MOST_COLUMNS = 4

export type Density = 'airy' | 'normal' | 'dense'

const ROW_REM: Readonly<Record<Density, number>> = { airy: 3, normal: 2.25, dense: 1.5 }
const PHONE_ROW_REM = 3.5
const HEAD_REM = 2.5

export const isPhone = signal(phone.matches)
/** Of every strip in the list; measured once, as all share one column. */
export const stripSize = signal({ width: 0, height: 0, edge: 0 })
/** The part of the page in view, in steps, so that a scroll seldom lays out anew. */
export const viewport = signal({ top: 0, bottom: 4000 })

export function densityFor(count: number): Density {
  return count <= 12 ? 'airy' : count <= 120 ? 'normal' : 'dense'
}

export interface Sizes {
  readonly row: number
  readonly head: number
}

export function sizesFor(density: Density): Sizes {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
  return { row: rem * (isPhone.value ? PHONE_ROW_REM : ROW_REM[density]), head: rem * HEAD_REM }
}

/** Follows the window's size and scroll for a list, which holds one or more sheets; returns how to stop. */
export function followViewport(list: HTMLElement): () => void {
  const see = () => {
    const top = -list.getBoundingClientRect().top
    const next = {
      top: Math.floor(top / STEP_PX) * STEP_PX,
      bottom: Math.ceil((top + innerHeight) / STEP_PX) * STEP_PX,
    }
    if (next.top !== viewport.value.top || next.bottom !== viewport.value.bottom) viewport.value = next
  }
  const measure = () => {
    isPhone.value = phone.matches
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
    const columns = Math.floor((list.clientWidth / rem + COLUMN_GAP_REM) / (COLUMN_REM + COLUMN_GAP_REM))
    columnCount.value = Math.max(1, Math.min(MOST_COLUMNS, columns))
    const style = getComputedStyle(list)
    const edge = Number.parseFloat(style.getPropertyValue('--edge')) * rem
    const height = Number.parseFloat(style.getPropertyValue('--row'))
    const width = list.querySelector('.paper > div')?.clientWidth ?? 0
    const now = stripSize.value
    if (now.width !== width || now.height !== height || now.edge !== edge)
      stripSize.value = { width, height, edge }
    see()
  }
  const observer = new ResizeObserver(measure)
  observer.observe(list)
  addEventListener('scroll', see, { passive: true })
  addEventListener('resize', measure)
  measure()
  return () => {
    observer.disconnect()
    removeEventListener('scroll', see)
    removeEventListener('resize', measure)
  }
}
