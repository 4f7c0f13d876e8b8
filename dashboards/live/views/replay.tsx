/** Replay of what is held: one kind at once; all of it asked once, with the number. Then what became of it. */

import { useRef, useState } from 'preact/hooks'
import { type Kind, replayQuarantine } from '../data/api.ts'
import { look } from '../data/health.ts'
import { mayAct } from '../data/session.ts'
import { formatNumber, plural } from '../words/format.ts'

interface Props {
  readonly held: number
  readonly answer: string
  readonly isRunning: boolean
  readonly onReplay: () => Promise<void>
}

/** Runs one at a time, and tells what became of it. */
export function useReplay(onDone: () => void) {
  const [answer, setAnswer] = useState('')
  const [isRunning, setRunning] = useState(false)
  const replay = async (kind?: Kind) => {
    setRunning(true)
    setAnswer('Reading them once more.')
    const result = await replayQuarantine(kind)
    setRunning(false)
    setAnswer(result.ok ? words(result.value) : `Not replayed: ${result.reason}`)
    void look()
    onDone()
  }
  return { answer, isRunning, replay }
}

export function ReplayAll({ held, answer, isRunning, onReplay }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const replay = () => {
    dialog.current?.close()
    void onReplay()
  }
  return (
    <>
      <p class="quiet" role="status">
        {answer ||
          (mayAct.value
            ? 'Kept as received, ready to replay.'
            : 'Kept as received. An operator can replay them.')}
      </p>
      <div class="end" hidden={!mayAct.value}>
        <button type="button" class="button" disabled={isRunning} onClick={() => dialog.current?.showModal()}>
          Replay all
        </button>
      </div>
      <dialog ref={dialog} aria-labelledby="replay-title">
        <h2 id="replay-title">Replay {plural(held, 'message')}?</h2>
        <p class="quiet">
          Each is read once more by today’s rules. What can be read is stored with the time it came; the rest
          stays here.
        </p>
        <form method="dialog" class="head">
          <span class="end">
            <button type="submit" class="button">
              Cancel
            </button>
            <button type="button" class="button primary" onClick={replay}>
              Replay
            </button>
          </span>
        </form>
      </dialog>
    </>
  )
}

function words({
  replayed,
  ignored,
  kept,
}: {
  readonly replayed: number
  readonly ignored: number
  readonly kept: number
}): string {
  const parts = [
    `${formatNumber(replayed, 0)} read and stored`,
    ignored > 0 && `${formatNumber(ignored, 0)} need no storing`,
    kept > 0 && `${formatNumber(kept, 0)} still held`,
  ]
  return `${parts.filter(Boolean).join(', ')}.`
}
