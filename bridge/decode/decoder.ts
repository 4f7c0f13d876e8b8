/**
 * Understands messages: who says what, of when, in which unit.
 *
 * Whatever can be settled by the topic alone (family, device, room, names) is settled once and kept, so a message
 * costs little more than parsing it. Beside that the decoder remembers what messages tell about others: units and
 * rooms from discovery documents, the names behind Sparkplug's aliases. All of it is bounded.
 */

import type { Fact, Request } from '../telemetry/facts.ts'
import type { Message, MessageProperties } from '../telemetry/message.ts'
import type { Decoded, Outcome } from '../telemetry/reading.ts'
import { spellUnit } from '../telemetry/units.ts'
import { amend } from './amend.ts'
import type { Context, Plan, Result, Told } from './family.ts'
import { readGeneral } from './general.ts'
import { createKnowledge } from './knowledge.ts'
import { cleanName, uniqueOnce } from './names.ts'
import { Payload } from './payload.ts'
import { MAX_TOPIC_LENGTH, planTopic } from './plan.ts'
import { RecentMap } from './recent-map.ts'
import { compileRules, type Rule } from './rules.ts'

export interface DecoderOptions {
  /** As `rulesSchema` parsed them. */
  readonly rules?: readonly Rule[]
  /**
   * Whether an identity may publish to a topic. Discovery names the topics it is about: what it says of topics that
   * its sender could not write to is not believed.
   */
  readonly maySpeakFor?: (identity: string | null, topic: string) => boolean
  /** Whether an identity may say anything of a device: what others say of it is not believed. */
  readonly maySpeakOf?: (identity: string | null, device: string) => boolean
  /** Topics whose plans are kept: the ones heard last. */
  readonly maxTopics?: number
}

/** What of a message counts here. */
export type Decodable = Pick<Message, 'topic' | 'payload' | 'retain'> &
  Partial<Pick<Message, 'client' | 'identity' | 'properties'>>

export interface Decoder {
  /** Never throws; values are never NaN or infinite. `receivedUs` is the arrival time. */
  decode(message: Decodable, receivedUs: number): Decoded
  /** Takes up facts told before, such as the ones that a catalog kept over a restart. */
  learn(facts: Iterable<Fact>): void
  /** Devices are gone, by the names that messages have for them, and nobody else is on these topics. */
  forget(devices: readonly string[], topics: readonly string[]): void
}

export function createDecoder(options: DecoderOptions = {}): Decoder {
  const { rules = [], maySpeakFor = () => true, maySpeakOf = () => true, maxTopics = 50_000 } = options
  const plans = new RecentMap<string, Plan>(maxTopics)
  const knowledge = createKnowledge(maxTopics, topic =>
    topic === undefined ? plans.clear() : plans.delete(topic),
  )
  const ruleFor = compileRules(rules)
  const memories = new Map<string, unknown>()

  function memory<T>(family: string, create: () => T): T {
    if (!memories.has(family)) memories.set(family, create())
    return memories.get(family) as T
  }

  function planOf(topic: string): Plan {
    const known = plans.get(topic)
    if (known !== undefined) return known
    const plan = planTopic(topic, knowledge, ruleFor)
    if (topic.length <= MAX_TOPIC_LENGTH) plans.set(topic, plan)
    return plan
  }

  function decode(message: Decodable, receivedUs: number): Decoded {
    const plan = planOf(message.topic)
    if (plan.ignore !== undefined) return { kind: 'ignored', by: plan.by, reason: plan.ignore }
    const heard = new Heard(message, receivedUs, { planOf, memory, maySpeakFor, maySpeakOf })
    let outcome: Outcome
    try {
      const { payload, properties = null } = message
      outcome = read(
        new Payload(payload, plan.usual, properties?.contentType, properties?.isText),
        plan,
        heard,
        properties,
      )
    } catch {
      // A parser's stack may run out on a hostile document: a bad message, not a fault of the bridge.
      outcome = { kind: 'rejected', by: plan.by, reason: 'undecodable' }
    }
    if (heard.facts.length === 0 && heard.requests.length === 0) return outcome
    knowledge.learn(heard.facts)
    return { ...outcome, facts: heard.facts, requests: heard.requests }
  }

  return { decode, learn: facts => knowledge.learn(facts), forget: knowledge.forget }
}

function read(payload: Payload, plan: Plan, context: Context, properties: MessageProperties | null): Outcome {
  const { rule } = plan
  const own = plan.read?.(payload, plan, context)
  if (own !== undefined) return outcomeOf(own, plan.by, rule, properties)
  const { result, by } = readGeneral(payload, plan, context)
  return outcomeOf(result, rule === undefined ? (by ?? plan.by) : plan.by, rule, properties)
}

function outcomeOf(
  result: Result,
  by: string,
  rule: Rule | undefined,
  properties: MessageProperties | null,
): Outcome {
  if (result.kind !== 'readings') return { ...result, by }
  const { cut } = result
  const readings =
    rule === undefined ? result.readings : amend(result.readings, rule, properties?.userProperties ?? [])
  if (readings.length === 0) return { kind: 'ignored', by, reason: 'no values' }
  return cut === undefined
    ? { kind: 'readings', by, readings }
    : { kind: 'readings', by, readings, rejected: cut }
}

const NO_FACTS: Fact[] = []
const NO_REQUESTS: Request[] = []

/** What all messages of a decoder share. */
interface Shared extends Pick<Context, 'planOf' | 'memory'> {
  readonly maySpeakFor: NonNullable<DecoderOptions['maySpeakFor']>
  readonly maySpeakOf: NonNullable<DecoderOptions['maySpeakOf']>
}

/** Collects what one message tells beside its readings. */
class Heard implements Context {
  facts = NO_FACTS
  requests = NO_REQUESTS
  readonly nowUs: number
  readonly client: string | null
  readonly planOf: Context['planOf']
  readonly memory: Context['memory']

  readonly #identity: string | null
  readonly #maySpeakFor: Shared['maySpeakFor']
  readonly #maySpeakOf: Shared['maySpeakOf']

  constructor(message: Decodable, nowUs: number, shared: Shared) {
    this.nowUs = nowUs
    this.client = message.client ?? null
    this.#identity = message.identity ?? null
    this.planOf = shared.planOf
    this.memory = shared.memory
    this.#maySpeakFor = shared.maySpeakFor
    this.#maySpeakOf = shared.maySpeakOf
  }

  maySpeakFor(topic: string): boolean {
    return this.#maySpeakFor(this.#identity, topic)
  }

  tell(told: Told): void {
    // What nobody can publish to is nobody's place.
    const { topic = '', identity = '' } = told
    if (topic.length > MAX_TOPIC_LENGTH || identity.length > 2 * MAX_TOPIC_LENGTH) return
    const fact = factOf(told)
    if (!this.#maySpeakOf(this.#identity, fact.device)) return
    if (this.facts === NO_FACTS) this.facts = []
    this.facts.push(fact)
  }

  ask(request: Request): void {
    if (this.requests === NO_REQUESTS) this.requests = []
    this.requests.push(request)
  }
}

/** Names as they come in readings, and only what was said. */
function factOf(told: Told): Fact {
  const said = Object.entries(told).map(([key, value]) => {
    if (typeof value !== 'string' || key === 'topic' || key === 'identity') return [key, value]
    if (key === 'unit') return [key, spellUnit(value)]
    if (value === '') return [key, undefined]
    return [key, key === 'device' || key === 'field' ? uniqueOnce(value) : cleanName(value)]
  })
  return Object.fromEntries(said.filter(([, value]) => value !== undefined))
}
