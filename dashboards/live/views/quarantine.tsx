/** What is held: messages that could not be read, kept as they came. Grouped by topic and reason. */

import { useEffect, useState } from 'preact/hooks'
import { fetchQuarantine, type HeldMessage } from '../data/api.ts'
import { serverNow } from '../data/clock.ts'
import { ledger } from '../data/health.ts'
import { formatNumber, plural, whenOf } from '../words/format.ts'

interface Group {
  readonly key: string
  readonly newest: HeldMessage
  count: number
}

const MOST_GROUPS = 12
const FIRST_CHARACTERS = 48

export function Quarantine() {
  const held = ledger.value?.quarantined ?? 0
  const [entries, setEntries] = useState<readonly HeldMessage[]>([])
  useEffect(() => {
    if (held === 0) return
    void fetchQuarantine().then(answer => {
      if (answer.ok) setEntries(answer.value.entries)
    })
  }, [held])
  if (held === 0) return null
  const groups = grouped(entries)
  return (
    <section class="quarantine" aria-label="Quarantine">
      <div class="head">
        <h2>Quarantine</h2>
        <span class="chip" data-role="hold">
          {formatNumber(held, 0)} held
        </span>
        <p class="quiet">Kept as received.</p>
      </div>
      <ul>
        {groups.slice(0, MOST_GROUPS).map(({ key, newest, count }) => (
          <li key={key}>
            <div>
              <span class="mono">{newest.topic}</span>{' '}
              <span class="mono quiet">{(newest.payload ?? 'binary').slice(0, FIRST_CHARACTERS)}</span>
              <div class="is-hold">{newest.reason}</div>
            </div>
            <span class="note">
              {count > 1 && `${plural(count, 'time')}, `}
              {whenOf(newest.time, serverNow())}
            </span>
          </li>
        ))}
      </ul>
      {groups.length > MOST_GROUPS && <p class="note">and {groups.length - MOST_GROUPS} kinds more</p>}
    </section>
  )
}

/** Newest first, as they come. */
function grouped(entries: readonly HeldMessage[]): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const entry of entries) {
    const key = `${entry.topic}\n${entry.reason}`
    const group = groups.get(key)
    if (group) group.count++
    else groups.set(key, { key, newest: entry, count: 1 })
  }
  return [...groups.values()]
}
