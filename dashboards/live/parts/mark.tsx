/** The state of a device: told by shape first, then by colour, and in a word for those who see neither. */

import { type DeviceState, STATE_WORDS } from '../data/rhythm.ts'

export function StateMark({ state, isSilent = false }: { state: DeviceState; isSilent?: boolean }) {
  return (
    <span class="mark" data-state={state}>
      <MarkShape state={state} />
      {!isSilent && <span class="unseen">{STATE_WORDS[state]}</span>}
    </span>
  )
}

export function MarkShape({ state = 'reporting' }: { state?: DeviceState }) {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <use href={`#mark-${state}`} />
    </svg>
  )
}

/** The shapes, once per page. */
export function MarkShapes() {
  return (
    <svg width="0" height="0" class="unseen" aria-hidden="true">
      <symbol id="mark-reporting" viewBox="0 0 12 12">
        <circle cx="6" cy="6" r="3" fill="currentColor" />
      </symbol>
      <symbol id="mark-late" viewBox="0 0 12 12">
        <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.500" />
        <path d="M6 2a4 4 0 0 0 0 8z" fill="currentColor" />
      </symbol>
      <symbol id="mark-offline" viewBox="0 0 12 12">
        <circle cx="6" cy="6" r="3.800" fill="none" stroke="currentColor" stroke-width="1.500" />
        <path d="M2 10 10 2" stroke="currentColor" stroke-width="1.500" stroke-linecap="round" />
      </symbol>
      <symbol id="mark-alarm" viewBox="0 0 12 12">
        <path d="M6 1.200 11.500 11H.5z" fill="currentColor" />
      </symbol>
      <symbol id="mark-unknown" viewBox="0 0 12 12">
        <circle cx="6" cy="6" r="2.800" fill="none" stroke="currentColor" stroke-width="1.500" />
      </symbol>
    </svg>
  )
}
