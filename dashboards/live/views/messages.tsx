/** What MQTT delivered, and what became of it: a list that can be held still, and one message in full. */

import { useEffect, useMemo, useState } from 'preact/hooks'
import { isValidFilter } from '../../../bridge/telemetry/topics.ts'
import { ledger } from '../data/health.ts'
import { type ListedMessage, MessageList, type OutcomeFilter } from '../data/message-list.ts'
import { addKeys } from '../keyboard.ts'
import { PauseIcon, PlayIcon, SearchIcon } from '../parts/icons.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { Segments } from '../parts/segments.tsx'
import { route, setParams } from '../route.ts'
import { clockMillis, formatBytes, formatNumber } from '../words/format.ts'
import { MessageDetail } from './message-detail.tsx'
import { MessageRate } from './message-rate.tsx'
import { OutcomeWords } from './outcome-words.tsx'
import { Quarantine } from './quarantine.tsx'

const OUTCOMES: readonly { readonly key: OutcomeFilter; readonly label: string }[] = [
  { key: 'all', label: 'All' },
  { key: 'stored', label: 'Stored' },
  { key: 'ignored', label: 'Ignored' },
  { key: 'held', label: 'Held' },
  { key: 'dropped', label: 'Dropped' },
]

export function MessagesView() {
  const { params } = route.value
  const filter = params.topic || '#'
  const outcomes = (params.became ?? 'all') as OutcomeFilter
  const list = useMemo(() => new MessageList(), [])
  const [selected, select] = useState<ListedMessage | null>(null)
  const [isHeld, setHeld] = useState(false)
  const isPaused = isHeld || selected !== null
  const isValid = isValidFilter(filter)

  useEffect(() => {
    select(null)
    if (isValid) list.follow(filter)
    return () => list.close()
  }, [filter])
  useEffect(() => {
    list.outcomes = outcomes
    list.refresh()
  }, [outcomes])
  useEffect(() => list.pause(isPaused), [isPaused])

  const toggle = () => {
    setHeld(!isPaused)
    select(null)
  }
  const step = (by: number) => {
    const shown = list.shown.value
    const at = selected ? shown.indexOf(selected) : -1
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + by))]
    if (next) select(next)
    return true
  }
  useEffect(() =>
    addKeys(key => {
      if (key === ' ') toggle()
      else if (key === 'j') return step(1)
      else if (key === 'k') return step(-1)
      else if (key === 'Escape' && selected) select(null)
      else return false
      return true
    }),
  )

  return (
    <div class={`messages ${selected ? 'has-detail' : ''}`}>
      <div class="view messages-main">
        <div class="head">
          <h1 tabIndex={-1}>Messages</h1>
          <p class="quiet">What MQTT delivered, and what became of it.</p>
          <div class="end">
            <LiveChip />
          </div>
        </div>
        <div class="tools">
          <label class="field topic-filter">
            <SearchIcon />
            <span class="unseen">Topic filter</span>
            <input
              type="search"
              class="mono"
              value={filter}
              spellcheck={false}
              autocapitalize="off"
              aria-invalid={!isValid}
              onInput={event =>
                setParams({ topic: event.currentTarget.value === '#' ? '' : event.currentTarget.value })
              }
            />
            <span class="note">topic filter</span>
          </label>
          <button type="button" class="button" onClick={toggle}>
            {isPaused ? <PlayIcon /> : <PauseIcon />}
            {isPaused ? 'Resume' : 'Pause'} <span class="key">Space</span>
          </button>
        </div>
        {(!isValid || list.refusal.value !== '') && (
          <p class="is-bad" role="status">
            {isValid
              ? list.refusal.value
              : 'Not a topic filter: # stands last, + and # stand alone between slashes.'}
          </p>
        )}
        <div class="tools under">
          <Segments
            label="What became of them"
            choices={OUTCOMES.map(choice => heldCount(choice))}
            chosen={outcomes}
            onChoose={key => setParams({ became: key === 'all' ? '' : key })}
          />
          {isPaused && list.newSince.value > 0 && (
            <span class="chip" data-role="accent">
              {formatNumber(list.newSince.value, 0)} new
            </span>
          )}
          <div class="end">
            <MessageRate list={list} />
          </div>
        </div>
        <MessageTable list={list} selected={selected} onSelect={select} />
        {outcomes === 'held' && <Quarantine />}
      </div>
      {selected && <MessageDetail listed={selected} onClose={() => select(null)} onStep={step} />}
    </div>
  )
}

function heldCount(choice: (typeof OUTCOMES)[number]) {
  const count = ledger.value?.quarantined ?? 0
  return choice.key === 'held' && count > 0 ? { ...choice, count } : choice
}

interface TableProps {
  readonly list: MessageList
  readonly selected: ListedMessage | null
  readonly onSelect: (message: ListedMessage) => void
}

function MessageTable({ list, selected, onSelect }: TableProps) {
  const shown = list.shown.value
  if (shown.length === 0) return <p class="nothing">Nothing yet. The next message shows here.</p>
  return (
    <table class="message-table">
      <thead>
        <tr>
          <th scope="col">Time</th>
          <th scope="col">Topic</th>
          <th scope="col" class="number">
            Size
          </th>
          <th scope="col">Became</th>
        </tr>
      </thead>
      <tbody>
        {shown.map(listed => (
          <tr key={listed.key} class={listed === selected ? 'is-selected' : ''}>
            <td class="mono time">{clockMillis(listed.message.time)}</td>
            <td class="mono topic">
              <button type="button" aria-pressed={listed === selected} onClick={() => onSelect(listed)}>
                <Topic topic={listed.message.topic} />
              </button>
            </td>
            <td class="number">{formatBytes(listed.size)}</td>
            <td>
              <OutcomeWords outcome={listed.outcome} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Parents quiet, the last level in ink: that is where topics differ. */
function Topic({ topic }: { topic: string }) {
  const at = topic.lastIndexOf('/') + 1
  return (
    <>
      <span>{topic.slice(0, at)}</span>
      <b>{topic.slice(at)}</b>
    </>
  )
}
