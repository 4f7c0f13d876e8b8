/** What a device that was forgotten may have left at the broker, and what to do about it: shown until it was read. */

import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { brokerAddress, clearLine } from '../data/broker-address.ts'
import { CopyLine } from '../parts/copy.tsx'

interface LeftBehindMessages {
  /** Of the device, which is on no page any more. */
  readonly name: string
  readonly topics: readonly string[]
}

export const leftBehind = signal<LeftBehindMessages | null>(null)

/** The others are much the same. */
const MOST_TOPICS = 6
/** The bridge's mark of a name that was made clean: what was published has another. */
const MADE_CLEAN = /~[0-9a-f]{16}$/

export function LeftBehind() {
  const dialog = useRef<HTMLDialogElement>(null)
  const left = leftBehind.value
  useEffect(() => {
    if (left) dialog.current?.showModal()
  }, [left])
  if (left === null) return null
  const { name, topics } = left
  const isOne = topics.length === 1
  return (
    <dialog
      ref={dialog}
      class="forget-dialog left-behind"
      aria-labelledby="left-title"
      onClose={() => {
        leftBehind.value = null
      }}
    >
      <h2 id="left-title">{name} is forgotten, and may come back</h2>
      <p>
        The broker may still keep{' '}
        {isOne ? 'a retained message' : `retained messages on ${topics.length} topics`} of it. The bridge
        could not clear {isOne ? 'it, and takes it' : 'them, and takes them'} for a new device when it hears{' '}
        {isOne ? 'it' : 'them'} again.
      </p>
      {topics.some(canBeCleared) && (
        <p class="quiet">
          Take {isOne ? 'it' : 'them'} away with an empty message in {isOne ? 'its' : 'their'} place
          {brokerAddress.value.port === null && ', at the broker that the bridge reads from'}. If the device
          is back before, forget it once more while the broker is there.
        </p>
      )}
      <ul>
        {topics.slice(0, MOST_TOPICS).map(topic => (
          <li key={topic}>
            <Topic topic={topic} />
          </li>
        ))}
      </ul>
      {topics.length > MOST_TOPICS && <p class="note">and {topics.length - MOST_TOPICS} more</p>}
      <form method="dialog" class="head">
        <span class="end">
          <button type="submit" class="button primary">
            Understood
          </button>
        </span>
      </form>
    </dialog>
  )
}

function canBeCleared(topic: string): boolean {
  return !MADE_CLEAN.test(topic)
}

function Topic({ topic }: { topic: string }) {
  if (canBeCleared(topic))
    return <CopyLine name={`the line that clears ${topic}`} text={clearLine(brokerAddress.value, topic)} />
  return (
    <>
      <code>{topic}</code>
      <p class="note">
        Its real name holds characters that cannot be shown here, such as control characters: only who
        published it can clear it.
      </p>
    </>
  )
}
