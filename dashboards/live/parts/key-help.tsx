/** The list of keys. */

import { useEffect, useRef } from 'preact/hooks'
import { areKeysOn, isHelpOpen, setKeysOn } from '../keyboard.ts'

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'Search'],
  ['g then f, m, h, s', 'Fleet, Messages, Health, This phone'],
  ['j, k or arrows', 'Next, previous row; on a device the next device'],
  ['Enter', 'Open'],
  ['Esc', 'Back, clear, close'],
  ['1 to 6', 'Range'],
  ['Space', 'Pause, resume'],
  ['.', 'Only what needs attention'],
  ['?', 'This list'],
]

export function KeyHelp() {
  const dialog = useRef<HTMLDialogElement>(null)
  const isOpen = isHelpOpen.value
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog
      ref={dialog}
      aria-labelledby="keys-title"
      onClose={() => {
        isHelpOpen.value = false
      }}
    >
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, does]) => [
          <dt key={key}>
            <span class="key">{key}</span>
          </dt>,
          <dd key={does}>{does}</dd>,
        ])}
      </dl>
      <p>
        <label>
          <input
            type="checkbox"
            checked={areKeysOn.value}
            onChange={event => setKeysOn(event.currentTarget.checked)}
          />{' '}
          Single letters work
        </label>
      </p>
      <form method="dialog" class="head">
        <span class="end">
          <button type="submit" class="button">
            Close
          </button>
        </span>
      </form>
    </dialog>
  )
}
