/** One crosshair through all strips: while the pointer is over them, every row says what it was at that time. */

import { signal } from '@preact/signals'
import { serverNow } from '../data/clock.ts'
import { stripRange } from '../data/strips.ts'
import { clockMinutes, clockSeconds, HOUR } from '../words/format.ts'
import { stripSize } from './fleet-layout.ts'

/** The time under the pointer; null while it is elsewhere. */
export const hoverMs = signal<number | null>(null)

/** Follows the pointer over a list of sheets; returns how to stop. */
export function followPointer(list: HTMLElement): () => void {
  const abort = new AbortController()
  const move = (event: PointerEvent) => {
    // A finger scrolls; it points at nothing.
    const paper = event.pointerType === 'mouse' ? paperUnder(list, event.clientX) : null
    if (!paper) return leave()
    const { width, edge } = stripSize.peek()
    const x = event.clientX - paper.getBoundingClientRect().x
    const share = x / (width - edge)
    if (share > 1) return leave()
    hoverMs.value = serverNow() - stripRange() * (1 - share)
    list.style.setProperty('--hover', `${x}px`)
    list.dataset.hover = stripRange() > 6 * HOUR ? clockMinutes(hoverMs.value) : clockSeconds(hoverMs.value)
    for (const label of list.querySelectorAll('.hover-time')) label.textContent = list.dataset.hover
  }
  const leave = () => {
    hoverMs.value = null
    delete list.dataset.hover
  }
  list.addEventListener('pointermove', move, { signal: abort.signal })
  list.addEventListener('pointerleave', leave, { signal: abort.signal })
  return () => {
    abort.abort()
    leave()
  }
}

/** The strip column under a place; there are several side by side in a dense list. */
function paperUnder(list: HTMLElement, clientX: number): Element | null {
  for (const paper of list.querySelectorAll('.paper > div')) {
    const { left, right } = paper.getBoundingClientRect()
    if (clientX >= left && clientX <= right) return paper
  }
  return null
}
