/** This browser as a device: what it measures, what it sends, and how much of that has arrived. */

import '../styles/sensor.css'
import { useSignalEffect } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { readiness } from '../data/health.ts'
import { isPhoneSending, scanned } from '../data/phone.ts'
import { mayAct } from '../data/session.ts'
import { StopIcon } from '../parts/icons.tsx'
import { Segments } from '../parts/segments.tsx'
import { Switch } from '../parts/switch.tsx'
import { PhoneCode } from '../views/phone-code.tsx'
import { awake, start, startAgain, stop } from './sending.ts'
import { SendingChip } from './sending-chip.tsx'
import { SensorForm } from './sensor-form.tsx'
import { SensorRow } from './sensor-row.tsx'
import { runWanted, sensors } from './sensors.ts'
import { SentPanel } from './sent-panel.tsx'
import { change, changeSecret, isSecretKept, RATES, secret, settings } from './settings.ts'

const AWAKE_WORDS = {
  off: 'While sending. A screen that goes dark stops the sensors',
  on: 'The screen stays on',
  refused: 'Not granted by this browser; keep the screen on by hand',
} as const

export function SensorView() {
  const [isEditing, setEditing] = useState(false)
  const [isScanned, setScanned] = useState(false)
  const isSending = isPhoneSending.value
  const isElsewhere = readiness.value?.mqtt === null
  const hasNone = sensors.every(({ access }) => access.value.kind === 'missing')
  useEffect(() => runWanted(), [])
  useSignalEffect(() => {
    const found = scanned.value
    if (!found) return
    scanned.value = null
    change({ username: found.username })
    changeSecret(found.password, isSecretKept.peek())
    setScanned(true)
    void startAgain()
  })
  const { name, room, rate, isCoarse, isAwake, username } = settings.value
  const isWatcher = username === '' && !mayAct.value
  return (
    <div class="view sensor">
      <div class="head">
        <h1 tabIndex={-1}>This phone</h1>
        <div class="end">
          <SendingChip />
        </div>
        <p class="quiet">
          {isSending ? 'Sends' : 'Would send'} as <strong>{name}</strong>
          {room !== '' && ` in ${room}`}.{' '}
          <button type="button" class="link" aria-expanded={isEditing} onClick={() => setEditing(!isEditing)}>
            Change
          </button>
        </p>
      </div>
      {!isSecureContext && <Insecure />}
      {isElsewhere && (
        <p class="sensor-note" role="status">
          This bridge reads from another broker, and a browser cannot be its device.
        </p>
      )}
      {isScanned && !isEditing && <Scanned username={username} />}
      {isWatcher && !isEditing && (
        <p class="sensor-note" role="status">
          You are signed in to watch, not to send. Give this phone an id and a secret of its own: Change,
          above.
        </p>
      )}
      {isEditing && (
        <SensorForm
          onDone={() => {
            setEditing(false)
            void startAgain()
          }}
        />
      )}
      <SentPanel onSignIn={() => setEditing(true)} />
      <ul class="sensor-list">
        {sensors.map(sensor => (
          <SensorRow key={sensor.plan.key} sensor={sensor} />
        ))}
      </ul>
      <div class="sensor-option">
        <span id="rate-name">Rate</span>
        <Segments
          label="Messages a second"
          choices={RATES.map(rate => ({ key: String(rate), label: String(rate) }))}
          chosen={String(rate)}
          onChoose={key => change({ rate: Number(key) })}
        />
        <span class="quiet">per second</span>
      </div>
      <div class="sensor-option">
        <div>
          Coarse location
          <p class="note">{isCoarse ? 'Rounded to about 100 m' : 'As exact as the phone knows it'}</p>
        </div>
        <Switch label="Coarse location" isOn={isCoarse} onSwitch={isOn => change({ isCoarse: isOn })} />
      </div>
      <div class="sensor-option">
        <div>
          Keep the screen on
          <p class="note">
            {isAwake ? AWAKE_WORDS[awake.value] : 'A screen that goes dark stops the sensors'}
          </p>
        </div>
        <Switch label="Keep the screen on" isOn={isAwake} onSwitch={isOn => change({ isAwake: isOn })} />
      </div>
      <PhoneCode title="Another phone?" />
      <div class="sensor-act">
        {isSending ? (
          <button type="button" class="button big" onClick={() => void stop()}>
            <StopIcon /> Stop sending
          </button>
        ) : (
          <button
            type="button"
            class="button big primary"
            disabled={isElsewhere || hasNone || isWatcher}
            onClick={() => void start()}
          >
            Start sending
          </button>
        )}
      </div>
    </div>
  )
}

/** Said once: the address does not hold it any more. */
function Scanned({ username }: { username: string }) {
  return (
    <div class="panel scanned" role="status">
      <p>
        By the code that it scanned, this phone is the device <strong class="mono">{username}</strong>.
      </p>
      <div class="sensor-option">
        <div>
          Keep its secret in this browser
          <p class="note">Else it is forgotten with this page, and the code has to be scanned again</p>
        </div>
        <Switch
          label="Keep its secret in this browser"
          isOn={isSecretKept.value}
          onSwitch={isOn => changeSecret(secret.value, isOn)}
        />
      </div>
    </div>
  )
}

function Insecure() {
  const secure = `https://${location.host}`
  return (
    <div class="sensor-note">
      <p>
        <strong>Sensors need https.</strong> Browsers give motion, battery and location only to pages that
        came over https, or from the machine itself (localhost). This one came over plain http.
      </p>
      <p class="note">
        Where the bridge runs: <code>npm run trestle -- tls init</code>, start it again, then open {secure}
      </p>
    </div>
  )
}
