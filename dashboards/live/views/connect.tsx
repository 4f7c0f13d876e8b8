/** How to bring a device here: the whole page while there is none yet, and what `Add device` opens. */

import type { ComponentChildren } from 'preact'
import { brokerAddress, connectLines } from '../data/broker-address.ts'
import { CopyLine } from '../parts/copy.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { GridLines } from './paper.tsx'
import { PhoneCode } from './phone-code.tsx'

export function Connect({ isFirst = false }: { isFirst?: boolean }) {
  return (
    <div class="view connect">
      <div class="head">
        <h1 tabIndex={-1}>{isFirst ? 'Fleet' : 'Add a device'}</h1>
        {isFirst && <p class="quiet">No devices yet.</p>}
        <div class="end">
          <LiveChip />
        </div>
      </div>
      {isFirst && <EmptyPaper />}
      <p class="lead">
        Point any MQTT device here and it appears by itself, with its room, units and history. <br />
        Zigbee2MQTT, Tasmota, Shelly, ESPHome and plain numbers need no setup.
      </p>
      <Steps />
      <div class="connect-foot">
        <PhoneCode title="Use a phone as a sensor" />
        <p class="quiet aside">
          Something sent, nothing here?{' '}
          <a class="link" href="#/messages">
            Look in Messages
          </a>
        </p>
      </div>
    </div>
  )
}

function Steps() {
  const { isTls, hasAuthority } = brokerAddress.value
  const lines = connectLines(brokerAddress.value)
  if (lines === null)
    return (
      <p class="lead">
        This bridge reads from a broker of yours (<code>MQTT_URL</code>): devices publish there.
      </p>
    )
  return (
    <dl class="steps">
      {lines.makeDevice !== null && (
        <Step
          title="Make it known"
          note="Where the bridge runs; it prints the secret. With --gateway for Zigbee2MQTT, and what else speaks for many."
        >
          <CopyLine name="the line that makes a device known" text={lines.makeDevice} />
        </Step>
      )}
      <Step
        title="Connect a device"
        note={
          isTls && hasAuthority ? (
            <>
              Server address for its settings. It has to trust{' '}
              <a class="link" href="/ca.crt" download="ca.crt">
                ca.crt
              </a>
              .
            </>
          ) : (
            'Server address for its settings.'
          )
        }
      >
        <CopyLine name="the address" text={lines.address} />
      </Step>
      <Step
        title="Try one message"
        note={
          lines.makeDevice === null
            ? 'With the Mosquitto clients, from a shell.'
            : 'With the Mosquitto clients, from a shell, and its secret.'
        }
      >
        <CopyLine name="the publish line" text={lines.publish} />
      </Step>
      <Step title="Or see it alive" note="A simulated house of a dozen rooms.">
        {lines.makeHouse !== null && (
          <CopyLine name="the line that makes the house known" text={lines.makeHouse} />
        )}
        <CopyLine name="the simulator line" text={lines.simulate} />
      </Step>
    </dl>
  )
}

interface StepWords {
  readonly title: string
  readonly note: ComponentChildren
  readonly children: ComponentChildren
}

function Step({ title, note, children }: StepWords) {
  return (
    <div>
      <dt>
        <h2>{title}</h2>
        <p class="note">{note}</p>
      </dt>
      <dd>{children}</dd>
    </div>
  )
}

/** The chart already runs; it has nothing to draw yet. */
function EmptyPaper() {
  const labels = ['−60 s', '−45', '−30', '−15']
  return (
    <div class="empty-paper">
      <GridLines />
      {labels.map((label, at) => (
        <span key={label} class="note" style={{ '--at': at / 4 }} aria-hidden="true">
          {label}
        </span>
      ))}
      <span class="note now" aria-hidden="true">
        now
      </span>
      <p>Waiting for the first message</p>
      <i class="beat" />
    </div>
  )
}
