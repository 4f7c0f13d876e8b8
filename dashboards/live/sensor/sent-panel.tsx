/** Sent, acknowledged, and the way there and back. What is acknowledged is on disk. */

import { useEffect, useState } from 'preact/hooks'
import { isPhoneSending } from '../data/phone.ts'
import { formatNumber } from '../words/format.ts'
import { outbox } from './sending.ts'
import { settings } from './settings.ts'
import { uplinkState } from './uplink-state.ts'

const LOOK_MS = 250

export function SentPanel({ onSignIn }: { onSignIn: () => void }) {
  const [, setTick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setTick(tick => tick + 1), LOOK_MS)
    return () => clearInterval(timer)
  }, [])
  const { sent, acknowledged, roundTripMs, waiting } = outbox
  if (!isPhoneSending.value && sent === 0 && waiting === 0) return null
  const all = Math.max(1, sent + waiting)
  return (
    <section class="panel sent" aria-label="Sent and acknowledged">
      <dl>
        <div>
          <dt>Sent</dt>
          <dd>{formatNumber(sent, 0)}</dd>
        </div>
        <div>
          <dt>Acknowledged</dt>
          <dd>{formatNumber(acknowledged, 0)}</dd>
        </div>
        <div>
          <dt>Round trip</dt>
          <dd>
            {roundTripMs === null ? '–' : formatNumber(roundTripMs, 0)} <span>ms</span>
          </dd>
        </div>
      </dl>
      <div class="sent-bar" aria-hidden="true">
        <i style={{ width: `${(acknowledged / all) * 100}%` }} />
        <i style={{ width: `${((sent - acknowledged) / all) * 100}%` }} />
      </div>
      <p class="quiet">{words()}</p>
      {uplinkState.value === 'refused' && (
        <p>
          <button type="button" class="button" onClick={onSignIn}>
            Give id and secret
          </button>
        </p>
      )}
    </section>
  )
}

function words(): string {
  const { waiting, underWay, lost } = outbox
  const gone = lost > 0 ? ` ${formatNumber(lost, 0)} of the oldest had no room and are lost.` : ''
  if (isPhoneSending.value && uplinkState.value === 'refused') {
    const { username } = settings.value
    return username === ''
      ? 'The bridge lets known devices in only. “npm run trestle -- device add” makes an id and a secret for this phone.'
      : `The bridge does not know ${username} by this secret. It may have been replaced, or the device revoked.`
  }
  if (isPhoneSending.value && uplinkState.value !== 'open' && waiting > 0) {
    return `${formatNumber(waiting, 0)} wait here with the time they were measured, and go out once the bridge is back.${gone}`
  }
  if (!isPhoneSending.value && waiting > 0 && uplinkState.value !== 'open')
    return `${formatNumber(waiting, 0)} wait here and go out with the next start.${gone}`
  if (outbox.sent === 0 && waiting === 0) return 'Nothing measured yet.'
  const onTheirWay = waiting + underWay
  if (onTheirWay === 0) return `All arrived. What is acknowledged is on disk.${gone}`
  return `${formatNumber(onTheirWay, 0)} on their way. What is acknowledged is on disk.${gone}`
}
