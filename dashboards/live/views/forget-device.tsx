/** For a device that is gone for good: asked once, with what goes and what stays. Then it is on no page any more. */

import { useRef, useState } from 'preact/hooks'
import { forgetDevice } from '../data/api.ts'
import { connection } from '../data/connection.ts'
import { type Device, forget } from '../data/fleet.ts'
import { mayAdminister } from '../data/session.ts'
import { go, route } from '../route.ts'
import { leftBehind } from './left-behind.tsx'

export function ForgetDevice({ device: { id, name } }: { device: Device }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [answer, setAnswer] = useState('')
  const [isRunning, setRunning] = useState(false)
  if (!mayAdminister.value) return null
  const ask = () => {
    setAnswer('')
    dialog.current?.showModal()
  }
  const run = async () => {
    setRunning(true)
    const forgotten = await forgetDevice(id)
    setRunning(false)
    if (!forgotten.ok) return setAnswer(`Not forgotten: ${forgotten.reason}`)
    const { retainedLeft } = forgotten.value
    forget(id)
    if (retainedLeft.length > 0) leftBehind.value = { name, topics: retainedLeft }
    // Whoever has gone on meanwhile stays there.
    if (route.value.view === 'device' && route.value.id === id) go('fleet')
  }
  return (
    <>
      <button
        type="button"
        class="forget"
        aria-haspopup="dialog"
        disabled={connection.value.kind === 'away'}
        onClick={ask}
      >
        Forget this device
      </button>
      <dialog ref={dialog} class="forget-dialog" aria-labelledby="forget-title">
        <h2 id="forget-title">Forget {name}?</h2>
        <dl>
          <dt>Goes</dt>
          <dd>
            Its place in the fleet, here and on every other page; its last values; its name, room and model;
            the retained messages on topics of its own.
          </dd>
          <dt>Stays</dt>
          <dd>
            Everything that is stored of it, under the id <code>{id}</code>; its login, if it has one.
          </dd>
        </dl>
        <p class="quiet">
          If it speaks again it comes back, as a new device. To keep it out, revoke its login first.
        </p>
        <p class="is-bad" role="status">
          {answer}
        </p>
        <form method="dialog" class="head">
          <span class="end">
            <button type="submit" class="button">
              Cancel
            </button>
            <button type="button" class="button primary" disabled={isRunning} onClick={() => void run()}>
              Forget
            </button>
          </span>
        </form>
      </dialog>
    </>
  )
}
