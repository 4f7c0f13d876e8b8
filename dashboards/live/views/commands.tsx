/** What can be asked of a device: its switches where their form is known, and any payload on any topic. */

import { useEffect, useState } from 'preact/hooks'
import { sendCommand } from '../data/api.ts'
import { connection } from '../data/connection.ts'
import { type Device, type Field, layoutVersion } from '../data/fleet.ts'
import { onFlush } from '../data/frames.ts'
import { mayAct } from '../data/session.ts'
import { type SwitchCommand, switchCommandOf } from '../data/switch-command.ts'
import { Switch } from '../parts/switch.tsx'
import { asSwitch, fieldLabel } from '../words/fields.ts'
import { clockSeconds } from '../words/format.ts'
import { CommandForm } from './command-form.tsx'
import { commandWords } from './command-words.ts'

/** Without a word from the device after so long, there is none. */
const ANSWER_MS = 10_000

export function Commands({ device }: { device: Device }) {
  const [answer, setAnswer] = useState('')
  const isAway = connection.value.kind === 'away'
  if (!mayAct.value) return <NoRight />
  // Topics and fields come after the device itself.
  layoutVersion.value
  const switches = switchesOf(device)
  return (
    <section aria-label="Commands">
      <h2>Commands</h2>
      {switches.map(({ field, command }) => (
        <SwitchLine
          key={field.name}
          device={device}
          field={field}
          command={command}
          isAway={isAway}
          onAnswer={setAnswer}
        />
      ))}
      <CommandForm device={device} isAway={isAway} onAnswer={setAnswer} />
      <p class="command-answer" role="status">
        {isAway ? 'No commands while this page has no connection.' : answer}
      </p>
    </section>
  )
}

function NoRight() {
  return (
    <section aria-label="Commands">
      <h2>Commands</h2>
      <p class="quiet no-right">You can watch, not send commands. An operator account can.</p>
    </section>
  )
}

function switchesOf(device: Device): readonly { field: Field; command: SwitchCommand }[] {
  return [...device.fields.values()].flatMap(field => {
    const command =
      field.value === null || asSwitch(field, field.value) === null
        ? null
        : switchCommandOf(field.name, device.topics)
    return command ? [{ field, command }] : []
  })
}

interface LineProps {
  readonly device: Device
  readonly field: Field
  readonly command: SwitchCommand
  readonly isAway: boolean
  readonly onAnswer: (words: string) => void
}

/** Shows what the device says, not what was wished, until it says so. */
function SwitchLine({ device, field, command, isAway, onAnswer }: LineProps) {
  const [isOn, setOn] = useState(isOnNow(field))
  const [wish, setWish] = useState<{ readonly isOn: boolean; readonly sentMs: number } | null>(null)
  const label = fieldLabel(field.name)
  useEffect(() => onFlush(() => setOn(isOnNow(field))), [field])
  useEffect(() => {
    if (!wish) return
    if (isOn === wish.isOn) {
      const passedMs = Math.round(performance.now() - wish.sentMs)
      onAnswer(`${label} ${wish.isOn ? 'on' : 'off'}: confirmed after ${passedMs} ms.`)
      setWish(null)
      return
    }
    const timer = setTimeout(() => {
      onAnswer(`${label}: the device has not said anything new in ${ANSWER_MS / 1000} s.`)
      setWish(null)
    }, ANSWER_MS)
    return () => clearTimeout(timer)
  }, [wish, isOn])
  const send = async (isOn: boolean) => {
    const sentMs = performance.now()
    setWish({ isOn, sentMs })
    onAnswer(`${label} ${isOn ? 'on' : 'off'}: sent ${clockSeconds(Date.now())}.`)
    const result = await sendCommand(device.id, { topic: command.topic, payload: command.payload(isOn) })
    if (result.ok && result.value.result === 'delivered') return
    setWish(null)
    onAnswer(commandWords(result))
  }
  return (
    <div class="command-line">
      <span>{label}</span>
      <Switch label={label} isOn={isOn} isDisabled={isAway || wish !== null} onSwitch={on => void send(on)} />
      <span class="quiet">{wish ? 'waits for the device' : isOn ? 'On' : 'Off'}</span>
    </div>
  )
}

function isOnNow(field: Field): boolean {
  return field.value !== null && asSwitch(field, field.value) === true
}
