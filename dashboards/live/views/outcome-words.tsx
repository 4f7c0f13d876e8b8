import { CheckIcon } from '../parts/icons.tsx'
import type { Outcome } from '../words/message.ts'

export function OutcomeWords({ outcome }: { outcome: Outcome }) {
  switch (outcome.kind) {
    case 'stored':
      return (
        <span class="outcome is-stored">
          <CheckIcon /> {outcome.text}
        </span>
      )
    case 'held':
      return (
        <span class="chip" data-role="hold">
          {outcome.text}
        </span>
      )
    case 'dropped':
      return (
        <span class="chip" data-role="bad">
          {outcome.text}
        </span>
      )
    default:
      return <span class="outcome quiet">{outcome.text}</span>
  }
}
