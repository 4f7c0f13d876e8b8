/** Commands to devices, from the live protocol and from HTTP: a publish by QoS 1, never retained, with a result. */

import type { Catalog } from '../catalog/catalog.ts'
import type { CommandOutcome, LiveCommand, SendCommand } from '../live/command.ts'
import { expectedAnswer } from './answer-topics.ts'
import { Answers, type AwaitedAnswer } from './answers.ts'
import { commandTopic } from './command-topic.ts'
import { answerTo, newRequest, type Request } from './requests.ts'

export interface CommandParts {
  readonly catalog: Catalog
  /** Hands it to the device's broker. */
  readonly deliver: (
    publication: SentPublication,
    withinMs: number,
  ) => Promise<'delivered' | 'offline' | 'timeout'>
  /** Whether somebody who listens there would answer as a request asks for. */
  readonly takesRequests: (topic: string) => boolean
  /** A command that waits for a sleeping device is not carried out later than that; 0: whenever it wakes. */
  readonly expiryMs: number
  /** Until it is delivered. */
  readonly timeoutMs: number
  /** Then, until the device has answered. */
  readonly answerTimeoutMs: number
  readonly maxPending: number
}

/** As it goes to the broker; older protocols leave out what they cannot say. */
interface SentPublication extends Partial<Request> {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: false
  readonly expiryMs?: number
}

/** Outcomes kept, so that a command repeated under its id is not carried out again. */
const REMEMBERED = 1000
/** Topics on which a device, or its gateway, only says that it is there. */
const AVAILABILITY = /\/(availability|lwt|online|status)$/i
const MAX_TOPIC_BYTES = 65_535

export class Commands {
  readonly answers = new Answers()
  readonly stats = { delivered: 0, offline: 0, timeout: 0, refused: 0 }
  readonly #parts: CommandParts
  readonly #outcomes = new Map<string, Promise<CommandOutcome>>()
  #pending = 0

  constructor(parts: CommandParts) {
    this.#parts = parts
  }

  /** No outcome takes longer, but for a busy moment. */
  get longestMs(): number {
    return this.#parts.timeoutMs + this.#parts.answerTimeoutMs + 1000
  }

  readonly send: SendCommand = command => {
    const known = this.#outcomes.get(command.id)
    if (known !== undefined) return known
    const outcome = this.#carryOut(command).then(outcome => this.#note(command.id, outcome))
    outcome.catch(() => this.#outcomes.delete(command.id))
    this.#outcomes.set(command.id, outcome)
    if (this.#outcomes.size > REMEMBERED) this.#outcomes.delete(this.#outcomes.keys().next().value!)
    return outcome
  }

  #note(id: string, outcome: CommandOutcome): CommandOutcome {
    this.stats[outcome.ok ? outcome.result : 'refused']++
    // Nothing was sent: another attempt may find it possible.
    if (!outcome.ok) this.#outcomes.delete(id)
    return outcome
  }

  async #carryOut(command: LiveCommand): Promise<CommandOutcome> {
    if (this.#pending >= this.#parts.maxPending)
      return refuse('too-many-commands', 'wait for the results of earlier ones')
    const target = this.#targetOf(command)
    if (typeof target !== 'string') return target
    const payload = payloadOf(command.payload)
    const isAwaited = command.answer && this.#parts.answerTimeoutMs > 0
    const usual = isAwaited ? expectedAnswer({ device: command.device, topic: target, payload }) : null
    const request = this.#parts.takesRequests(target) ? newRequest(target) : null
    const expected = isAwaited && request !== null ? answerTo(request, usual) : usual
    const awaited = expected === null ? null : this.answers.expect(expected)
    const { expiryMs } = this.#parts
    const sent = { topic: target, payload, qos: command.qos, retain: false as const }
    this.#pending++
    try {
      return await this.#deliver({ ...sent, ...request, ...(expiryMs > 0 && { expiryMs }) }, awaited)
    } finally {
      awaited?.cancel()
      this.#pending--
    }
  }

  /** Where nobody listened, nobody will answer. */
  async #deliver(publication: SentPublication, awaited: AwaitedAnswer | null): Promise<CommandOutcome> {
    const { deliver, timeoutMs, answerTimeoutMs } = this.#parts
    const result = await deliver(publication, timeoutMs)
    const answer = result === 'delivered' ? await awaited?.within(answerTimeoutMs) : null
    return { ok: true, result, ...(answer && { answer }) }
  }

  /** The topic, or why there is none to send to. */
  #targetOf({ device: id, topic }: LiveCommand): string | CommandOutcome {
    const device = this.#parts.catalog.device(id)
    if (device === null) return refuse('unknown-device', `there is no device ${id}`)
    const speaks = device.topics.find(name => !AVAILABILITY.test(name)) ?? device.topics[0]
    const target = topic ?? (speaks === undefined ? null : commandTopic(device.family, speaks))
    if (target === null) return refuse('no-command-topic', `say the topic on which ${id} listens`)
    const mistake = topicMistake(target)
    return mistake === null ? target : refuse('bad-topic', mistake)
  }
}

function refuse(code: string, message: string): CommandOutcome {
  return { ok: false, code, message }
}

function payloadOf(payload: unknown): Buffer {
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload ?? ''))
}

/** [MQTT-3.3.2-2], [MQTT-4.7.3]; null: sound. */
function topicMistake(topic: string): string | null {
  if (topic === '' || /[+#\0]/.test(topic)) return 'a topic to publish to has no wildcards and is not empty'
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return 'the topic is too long'
  if (/^(\$|trestle(\/|$))/.test(topic)) return 'this topic is reserved'
  return null
}
