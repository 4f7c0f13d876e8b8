/** On or off. What it shows is what is so, not what is wished. */

interface Props {
  readonly label: string
  readonly isOn: boolean
  readonly isDisabled?: boolean
  readonly onSwitch: (isOn: boolean) => void
}

export function Switch({ label, isOn, isDisabled = false, onSwitch }: Props) {
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isOn}
      aria-label={label}
      disabled={isDisabled}
      onClick={() => onSwitch(!isOn)}
    />
  )
}
