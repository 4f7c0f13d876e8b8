/**
 * The ledger as a picture: the beam is everything received, to scale; what is not stored opens below it,
 * enlarged. A part drawn wider than its share carries a slash. The same numbers follow as a table.
 */

import type { Ledger } from '../data/api.ts'
import { CheckIcon } from '../parts/icons.tsx'
import { formatNumber } from '../words/format.ts'
import { reasonWords } from '../words/message.ts'

/** Narrower than this, a part cannot be seen or named. */
const LEAST_PERCENT = 11
const MOST_REASONS = 3

interface Part {
  readonly name: 'ignored' | 'quarantined' | 'waiting' | 'dropped'
  readonly count: number
  readonly detail: string
}

export function LedgerBeam({ account }: { account: Ledger }) {
  const ignored = total(account.ignored)
  const dropped = total(account.dropped)
  const parts: readonly Part[] = [
    { name: 'ignored', count: ignored, detail: reasons(account.ignored) },
    { name: 'quarantined', count: account.quarantined, detail: '' },
    { name: 'waiting', count: account.waiting, detail: '' },
    { name: 'dropped', count: dropped, detail: '' },
  ]
  const rest = parts.reduce((sum, part) => sum + part.count, 0)
  const unaccounted = account.received - account.stored - rest
  const storedPercent = account.received === 0 ? 100 : (account.stored / account.received) * 100
  return (
    <section class="panel ledger" aria-label="Account of messages">
      <div class="ledger-head">
        <span class="figure">{formatNumber(account.received, 0)}</span>
        <span class="quiet">messages received</span>
        <span class="chip" data-role={account.balanced ? 'accent' : 'bad'}>
          {account.balanced && <CheckIcon />}
          {account.balanced
            ? 'balanced, 0 unaccounted'
            : `${formatNumber(Math.abs(unaccounted), 0)} unaccounted`}
        </span>
      </div>
      <div class="beam" aria-hidden="true">
        <div class="beam-stored" style={{ flexGrow: Math.max(storedPercent, 1) }}>
          <span>stored {formatNumber(account.stored, 0)}</span>
          <span>{formatNumber(storedPercent, storedPercent === 100 ? 0 : 2)} %</span>
        </div>
        {!account.balanced && <div class="beam-broken" />}
        {rest > 0 && <div class="beam-rest" style={{ flexGrow: Math.max(100 - storedPercent, 0) }} />}
      </div>
      {rest > 0 && (
        <Rest parts={parts.filter(part => part.count > 0)} rest={rest} storedPercent={storedPercent} />
      )}
      <table class="unseen">
        <caption>Messages by what became of them</caption>
        <tbody>
          {[['stored', account.stored] as const, ...parts.map(part => [part.name, part.count] as const)].map(
            ([name, count]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{formatNumber(count, 0)}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </section>
  )
}

function Rest({
  parts,
  rest,
  storedPercent,
}: {
  parts: readonly Part[]
  rest: number
  storedPercent: number
}) {
  return (
    <div aria-hidden="true">
      <svg class="guides" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <path d={`M${Math.min(storedPercent + 0.3, 99)} 0 0 10M100 0v10`} />
      </svg>
      <div class="rest">
        {parts.map(part => {
          const percent = (part.count / rest) * 100
          return (
            <div
              key={part.name}
              class="rest-part"
              style={{ flex: `${Math.max(percent, LEAST_PERCENT)} 1 0` }}
            >
              <div class={`rest-bar is-${part.name} ${percent < LEAST_PERCENT ? 'is-wider' : ''}`} />
              <strong>{formatNumber(part.count, 0)}</strong>
              <span class="quiet">{part.name}</span>
              {part.detail !== '' && <span class="note">{part.detail}</span>}
            </div>
          )
        })}
      </div>
    </div>
  )
}

const total = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_REASONS)
    .map(([reason, count]) => `${reasonWords(reason)} ${formatNumber(count, 0)}`)
    .join(' · ')
}
