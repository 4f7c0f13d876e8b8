/** Commands to devices, from the live protocol and from HTTP: a publish by QoS 1, never retained, with a result. */

import type { Catalog } from '../catalog/catalog.ts'
import type { CommandOutcome, LiveCommand, SendCommand } from '../live/relay.ts'
import { commandTopic } from './command-topic.ts'

export interface CommandParts {
  readonly catalog: Catalog
  /** Hands it to the device's broker. */
  readonly deliver: (
    publication: { topic: string; payload: Uint8Array; qos: 0 | 1; retain: false },
    withinMs: number,
  ) => Promise<'delivered' | 'offline' | 'timeout'>
}

const WITHIN_MS = 5000
/** Outcomes kept, so that a command repeated under its id is not carried out again. */
const REMEMBERED = 1000
/** Topics on which a device, or its gateway, only says that it is there. */
const AVAILABILITY = /\/(availability|lwt|online|status)$/i
const MAX_TOPIC_BYTES = 65_535

export function createCommands({ catalog, deliver }: CommandParts): SendCommand {
  const outcomes = new Map<string, Promise<CommandOutcome>>()

  async function send({ device: id, topic, payload, qos }: LiveCommand): Promise<CommandOutcome> {
    const device = catalog.device(id)
    if (device === null) return { ok: false, code: 'unknown-device', message: `there is no device ${id}` }
    const speaks = device.topics.find(name => !AVAILABILITY.test(name)) ?? device.topics[0]
    const target = topic ?? (speaks === undefined ? null : commandTopic(device.family, speaks))
    if (target === null) {
      return { ok: false, code: 'no-command-topic', message: `say the topic on which ${id} listens` }
    }
    const mistake = topicMistake(target)
    if (mistake !== null) return { ok: false, code: 'bad-topic', message: mistake }
    const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload ?? ''))
    return {
      ok: true,
      result: await deliver({ topic: target, payload: bytes, qos, retain: false }, WITHIN_MS),
    }
  }

  return command => {
    const known = outcomes.get(command.id)
    if (known !== undefined) return known
    const outcome = send(command)
    outcomes.set(command.id, outcome)
    if (outcomes.size > REMEMBERED) outcomes.delete(outcomes.keys().next().value!)
    return outcome
  }
}

/** [MQTT-3.3.2-2], [MQTT-4.7.3]; null: sound. */
function topicMistake(topic: string): string | null {
  if (topic === '' || /[+#\0]/.test(topic)) return 'a topic to publish to has no wildcards and is not empty'
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return 'the topic is too long'
  if (/^(\$|trestle(\/|$))/.test(topic)) return 'this topic is reserved'
  return null
}
