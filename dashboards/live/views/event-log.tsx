/** What happened lately: of the store and the disk since this page was opened, and what is held whenever it came. */

import { useEffect, useState } from 'preact/hooks'
import { fetchQuarantine, type HeldMessage } from '../data/api.ts'
import { serverNow } from '../data/clock.ts'
import { type BridgeEvent, events } from '../data/events.ts'
import { ledger } from '../data/health.ts'
import { whenOf } from '../words/format.ts'

const MOST_SHOWN = 12
const MOST_HELD = 6

export function EventLog() {
  const held = ledger.value?.quarantined ?? 0
  const [entries, setEntries] = useState<readonly HeldMessage[]>([])
  useEffect(() => {
    if (held === 0) setEntries([])
    else void fetchQuarantine().then(answer => answer.ok && setEntries(answer.value.entries))
  }, [held])
  const log = [...events.value, ...heldEvents(entries)]
    .toSorted((a, b) => b.timeMs - a.timeMs)
    .slice(0, MOST_SHOWN)
  return (
    <section class="event-log" aria-label="What happened lately">
      {log.length === 0 ? (
        <p class="quiet">Nothing happened that needs telling.</p>
      ) : (
        <ol>
          {log.map(({ timeMs, words }) => (
            <li key={`${timeMs} ${words}`}>
              <time class="mono">{whenOf(timeMs, serverNow())}</time> <span>{words}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

/** The newest of each topic and reason. */
function heldEvents(entries: readonly HeldMessage[]): readonly BridgeEvent[] {
  const kinds = new Map<string, BridgeEvent>()
  for (const { topic, reason, time } of entries) {
    const words = `Held: ${topic}, ${reason}`
    if (!kinds.has(words)) kinds.set(words, { timeMs: time, words })
  }
  return [...kinds.values()].slice(0, MOST_HELD)
}
