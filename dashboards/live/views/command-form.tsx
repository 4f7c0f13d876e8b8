/** Any payload on any topic; without a topic the bridge takes the device's usual one. */

import { useState } from 'preact/hooks'
import { sendCommand } from '../data/api.ts'
import type { Device } from '../data/fleet.ts'
import { commandWords } from './command-words.ts'

interface Props {
  readonly device: Device
  readonly isAway: boolean
  readonly onAnswer: (words: string) => void
}

export function CommandForm({ device, isAway, onAnswer }: Props) {
  const [topic, setTopic] = useState('')
  const [payload, setPayload] = useState('')
  const send = async (event: Event) => {
    event.preventDefault()
    onAnswer('Sending.')
    onAnswer(commandWords(await sendCommand(device.id, { ...(topic !== '' && { topic }), payload })))
  }
  return (
    <form class="command-form" onSubmit={event => void send(event)}>
      <label class="field">
        <span class="unseen">Topic of the command</span>
        <input
          class="mono"
          value={topic}
          placeholder="topic (empty: its usual one)"
          spellcheck={false}
          autocapitalize="off"
          onInput={event => setTopic(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span class="unseen">Payload</span>
        <input
          class="mono"
          value={payload}
          placeholder='payload, such as {"state":"ON"}'
          spellcheck={false}
          autocapitalize="off"
          onInput={event => setPayload(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button primary" disabled={isAway}>
        Send
      </button>
    </form>
  )
}
