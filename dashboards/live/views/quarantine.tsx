/** What is held: messages that could not be read, kept as they came. Grouped by topic and reason. */

import { useEffect, useState } from 'preact/hooks'
import { type Explanation, explain, fetchQuarantine, type HeldMessage } from '../data/api.ts'
import { serverNow } from '../data/clock.ts'
import { ledger } from '../data/health.ts'
import { mayAct } from '../data/session.ts'
import { formatNumber, plural, whenOf } from '../words/format.ts'
import { ReplayAll, useReplay } from './replay.tsx'

interface Group {
  readonly key: string
  readonly newest: HeldMessage
  count: number
}

const MOST_GROUPS = 12
const MOST_READ = 4
const FIRST_CHARACTERS = 48

export function Quarantine() {
  const held = ledger.value?.quarantined ?? 0
  const [entries, setEntries] = useState<readonly HeldMessage[]>([])
  const [explained, setExplained] = useState<{ readonly key: string; readonly words: string } | null>(null)
  const explainOne = async (key: string, message: HeldMessage) => {
    const answer = await explain(message)
    setExplained({ key, words: answer.ok ? wordsOf(answer.value) : answer.reason })
  }
  const load = () =>
    void fetchQuarantine().then(answer => {
      if (answer.ok) setEntries(answer.value.entries)
    })
  const { answer, isRunning, replay } = useReplay(load)
  useEffect(() => {
    if (held > 0) load()
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
        <ReplayAll held={held} answer={answer} isRunning={isRunning} onReplay={() => replay()} />
      </div>
      <ul>
        {groups.slice(0, MOST_GROUPS).map(({ key, newest, count }) => (
          <li key={key}>
            <div>
              <span class="mono">{newest.topic}</span>{' '}
              <span class="mono quiet">{(newest.payload ?? 'binary').slice(0, FIRST_CHARACTERS)}</span>
              <div class="is-hold">{newest.reason}</div>
              {explained?.key === key && <p class="note">{explained.words}</p>}
            </div>
            <span class="note">
              {count > 1 && `${plural(count, 'time')}, `}
              {whenOf(newest.time, serverNow())}
            </span>
            <button
              type="button"
              class="button small"
              aria-label={`Explain ${newest.topic}`}
              onClick={() => void explainOne(key, newest)}
            >
              Explain
            </button>
            {mayAct.value && (
              <button
                type="button"
                class="button small"
                aria-label={`Replay ${newest.topic}`}
                disabled={isRunning}
                onClick={() => void replay({ topic: newest.topic, reason: newest.reason })}
              >
                Replay
              </button>
            )}
          </li>
        ))}
      </ul>
      {groups.length > MOST_GROUPS && <p class="note">and {groups.length - MOST_GROUPS} kinds more</p>}
    </section>
  )
}

/** What today's decoder would say; asking changes nothing. */
function wordsOf({ by, readings = [], ignored, reason = '' }: Explanation): string {
  if (readings.length > 0) {
    const fields = readings.map(({ device, field, value }) => `${device} ${field} ${value}`)
    return `Read today, by ${by}: ${fields.slice(0, MOST_READ).join(', ')}${fields.length > MOST_READ ? ', …' : ''}`
  }
  return ignored ? `Ignored today, by ${by}: ${reason}` : `Still held, by ${by}: ${reason}`
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
