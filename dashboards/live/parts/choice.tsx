/** A native menu in the page's own coat: keyboard, phone wheel and screen reader come with it. */

import { DownIcon } from './icons.tsx'
import type { Segment } from './segments.tsx'

interface Props {
  readonly label: string
  readonly class?: string
  readonly choices: readonly Segment[]
  readonly chosen: string
  readonly onChoose: (key: string) => void
}

export function Choice({ label, class: extra = '', choices, chosen, onChoose }: Props) {
  return (
    <span class={`choice ${extra}`}>
      <select aria-label={label} value={chosen} onChange={event => onChoose(event.currentTarget.value)}>
        {choices.map(choice => (
          <option key={choice.key} value={choice.key}>
            {choice.label}
          </option>
        ))}
      </select>
      <DownIcon />
    </span>
  )
}
