/** One message in full: where it came from, its payload, and what was read from it. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { type Explanation, explain } from '../data/api.ts'
import type { ListedMessage } from '../data/message-list.ts'
import { Segments } from '../parts/segments.tsx'
import { formatRoute } from '../route.ts'
import { clockMillis, formatBytes } from '../words/format.ts'
import { hexDump, jsonTokens, prettyJson } from '../words/message.ts'
import { OutcomeWords } from './outcome-words.tsx'

type Look = 'pretty' | 'raw' | 'hex'

interface Props {
  readonly listed: ListedMessage
  readonly onClose: () => void
  readonly onStep: (by: number) => void
}

export function MessageDetail({ listed, onClose, onStep }: Props) {
  const { message, payload } = listed
  const pretty = payload.text === null ? null : prettyJson(payload.text)
  const [wanted, setLook] = useState<Look>('pretty')
  const look = wanted === 'pretty' && pretty === null ? (payload.text === null ? 'hex' : 'raw') : wanted
  const heading = useRef<HTMLHeadingElement>(null)
  const isOpen = useRef(false)
  // Opening moves the focus here; stepping on from here does not.
  useEffect(() => {
    if (!isOpen.current) heading.current?.focus({ preventScroll: true })
    isOpen.current = true
  }, [])
  const text = look === 'pretty' ? pretty : look === 'raw' ? (payload.text ?? '') : hexDump(payload.bytes)
  return (
    <aside class="message-detail" aria-label="Message">
      <div class="detail-head">
        <h2 ref={heading} tabIndex={-1} class="mono">
          {message.topic}
        </h2>
        <button
          type="button"
          class="button small plain"
          onClick={() => onStep(-1)}
          aria-label="Newer message"
        >
          <span class="key">K</span>
        </button>
        <button type="button" class="button small plain" onClick={() => onStep(1)} aria-label="Older message">
          <span class="key">J</span>
        </button>
        <button type="button" class="button small" onClick={onClose}>
          Close
        </button>
      </div>
      <dl class="facts">
        <dt>Received</dt>
        <dd>{clockMillis(message.time)}</dd>
        <dt>From</dt>
        <dd class="mono">{message.client ?? 'unknown'}</dd>
        <dt>QoS</dt>
        <dd>
          {message.qos}, {message.retain ? 'retained' : 'not retained'}
        </dd>
        <dt>Size</dt>
        <dd>
          {formatBytes(listed.size)}
          {pretty !== null && ', JSON'}
        </dd>
        <dt>Became</dt>
        <dd>
          <OutcomeWords outcome={listed.outcome} />
        </dd>
      </dl>
      <div class="section-head">
        <h3>Payload</h3>
        <Segments
          label="Payload as"
          choices={[
            ...(pretty === null ? [] : [{ key: 'pretty', label: 'Pretty' }]),
            ...(payload.text === null ? [] : [{ key: 'raw', label: 'Raw' }]),
            { key: 'hex', label: 'Hex' },
          ]}
          chosen={look}
          onChoose={key => setLook(key as Look)}
        />
      </div>
      <pre class="payload mono">
        {look === 'pretty' && pretty !== null ? <Json text={pretty} /> : text || '(empty)'}
      </pre>
      {message.cutFrom !== undefined && <p class="note">Only its beginning is shown.</p>}
      <WhatWasRead listed={listed} />
    </aside>
  )
}

/** Names in ink, numbers and switches in the accent, text a little quieter. */
function Json({ text }: { text: string }) {
  return (
    <>
      {jsonTokens(text).map((token, at) =>
        token.kind === 'plain' ? (
          token.text
        ) : (
          <span key={at} class={`json-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </>
  )
}

/** What today's decoder says of it; asking changes nothing. */
function WhatWasRead({ listed }: { listed: ListedMessage }) {
  const [answer, setAnswer] = useState<Explanation | null>(null)
  useEffect(() => {
    let isWanted = true
    setAnswer(null)
    void explain(listed.message).then(result => {
      if (isWanted && result.ok) setAnswer(result.value)
    })
    return () => {
      isWanted = false
    }
  }, [listed])
  if (!answer) return null
  const rows = answer.readings ?? []
  const first = rows[0]
  return (
    <section>
      <div class="section-head">
        <h3>
          What was read <span class="note">by {answer.by}</span>
        </h3>
        {first && (
          <a class="link" href={formatRoute('device', first.device)}>
            {first.device}
          </a>
        )}
      </div>
      {rows.length === 0 ? (
        <p class="quiet">
          {answer.ignored ? 'Ignored' : 'Held'}: {answer.reason}
        </p>
      ) : (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col">Unit</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={`${row.device} ${row.field}`}>
                <td>{row.field}</td>
                <td class="number">
                  <b>{String(row.value)}</b>
                </td>
                <td class="quiet">{row.unit ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
