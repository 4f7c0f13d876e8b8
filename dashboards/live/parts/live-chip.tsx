/** The state of the connection where there is no rail to tell it. */

import { connection } from '../data/connection.ts'
import { LiveIcon, WarningIcon } from './icons.tsx'

export function LiveChip() {
  const isAway = connection.value.kind === 'away'
  return (
    <span class="chip live-chip" data-role={isAway ? 'warn' : 'accent'}>
      {isAway ? <WarningIcon /> : <LiveIcon />}
      {isAway ? 'Reconnecting' : 'Live'}
    </span>
  )
}
