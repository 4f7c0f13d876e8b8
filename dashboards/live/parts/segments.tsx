/** A few choices side by side, of which one holds. */

export interface Segment {
  readonly key: string
  readonly label: string
  readonly count?: number
}

interface Props {
  readonly label: string
  readonly choices: readonly Segment[]
  readonly chosen: string
  readonly onChoose: (key: string) => void
}

export function Segments({ label, choices, chosen, onChoose }: Props) {
  return (
    <fieldset class="segments" aria-label={label}>
      {choices.map(choice => (
        <button
          key={choice.key}
          type="button"
          aria-pressed={choice.key === chosen}
          onClick={() => onChoose(choice.key)}
        >
          {choice.label}
          {choice.count !== undefined && <span> {choice.count}</span>}
        </button>
      ))}
    </fieldset>
  )
}
