/** Tells those who listen of a new alarm: name and state, at most one every ten seconds. */

import { useEffect, useState } from 'preact/hooks'
import { devices } from '../data/fleet.ts'
import { onSecond } from '../data/frames.ts'

const QUIET_MS = 10_000

export function AlarmAnnouncer() {
  const [text, setText] = useState('')
  useEffect(() => {
    const known = new Set<string>()
    let isFirst = true
    let quietUntilMs = 0
    return onSecond(() => {
      for (const { id, name, room, state } of devices.values()) {
        if (state !== 'alarm') {
          known.delete(id)
          continue
        }
        if (known.has(id) || (!isFirst && performance.now() < quietUntilMs)) continue
        known.add(id)
        // What was wrong before the page was opened is on the page.
        if (isFirst) continue
        quietUntilMs = performance.now() + QUIET_MS
        setText(`Alarm: ${name}${room === '' ? '' : `, ${room}`}`)
      }
      if (devices.size > 0) isFirst = false
    })
  }, [])
  return (
    <p class="unseen" aria-live="polite">
      {text}
    </p>
  )
}
