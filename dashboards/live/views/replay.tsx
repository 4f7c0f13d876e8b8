/** Replay of all that is held: asked once, with the number; then what became of it. */

import { useRef, useState } from 'preact/hooks'
import { replayQuarantine } from '../data/api.ts'
import { look } from '../data/health.ts'
import { mayAct } from '../data/session.ts'
import { formatNumber, plural } from '../words/format.ts'

export function Replay({ held, onDone }: { held: number; onDone: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [answer, setAnswer] = useState('')
  const [isRunning, setRunning] = useState(false)
  const replay = async () => {
    dialog.current?.close()
    setRunning(true)
    setAnswer('Reading them once more.')
    const result = await replayQuarantine()
    setRunning(false)
    setAnswer(result.ok ? words(result.value) : `Not replayed: ${result.reason}`)
    void look()
    onDone()
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
            <button type="button" class="button primary" onClick={() => void replay()}>
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
