/** How to bring a device here: the whole page while there is none yet, and what `Add device` opens. */

import { brokerAddress } from '../data/broker-address.ts'
import { CopyLine } from '../parts/copy.tsx'
import { LiveChip } from '../parts/live-chip.tsx'
import { GridLines } from './paper.tsx'
import { PhoneCode } from './phone-code.tsx'

export function Connect({ isFirst = false }: { isFirst?: boolean }) {
  const { host, port } = brokerAddress.value
  const flags = `-h ${host}${port === 1883 ? '' : ` -p ${port}`}`
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
        Point any MQTT device here and it appears by itself, with its room, units and history.
        <br />
        Zigbee2MQTT, Tasmota, Shelly, ESPHome and plain numbers need no setup.
      </p>
      <dl class="steps">
        <div>
          <dt>
            <h2>Connect a device</h2>
            <p class="note">Server address for its settings.</p>
          </dt>
          <dd>
            <CopyLine name="the address" text={`mqtt://${host}:${port}`} />
          </dd>
        </div>
        <div>
          <dt>
            <h2>Try one message</h2>
            <p class="note">With the Mosquitto clients, from a shell.</p>
          </dt>
          <dd>
            <CopyLine
              name="the publish line"
              text={`mosquitto_pub ${flags} -q 1 -t home/kitchen/thermo/temperature -m 21.5`}
            />
          </dd>
        </div>
        <div>
          <dt>
            <h2>Or see it alive</h2>
            <p class="note">A simulated house of a dozen rooms.</p>
          </dt>
          <dd>
            <CopyLine
              name="the simulator line"
              text={`npm run simulate -- home${flags === '-h localhost' ? '' : ` ${flags}`}`}
            />
          </dd>
        </div>
      </dl>
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
