import { isPhoneSending } from '../data/phone.ts'
import { LiveIcon, WarningIcon } from '../parts/icons.tsx'
import { uplinkState } from './uplink-state.ts'

const WORDS = {
  connecting: ['plain', 'Connecting'],
  open: ['accent', 'Sending'],
  waiting: ['warn', 'Reconnecting'],
  refused: ['bad', 'Not let in'],
} as const

export function SendingChip() {
  const [role, word] = isPhoneSending.value ? WORDS[uplinkState.value] : (['plain', 'Not sending'] as const)
  return (
    <span class="chip" data-role={role} role="status">
      {role === 'accent' && <LiveIcon />}
      {(role === 'warn' || role === 'bad') && <WarningIcon />}
      {word}
    </span>
  )
}
