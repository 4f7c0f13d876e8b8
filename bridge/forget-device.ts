/**
 * A device that is gone for good leaves what shows it: the catalog, live clients, and what it left behind as retained
 * messages.
 */

import type { Catalog } from './catalog/catalog.ts'
import type { Decoder } from './decode/decoder.ts'
import { uniqueName } from './decode/names.ts'
import { MAX_TOPIC_LENGTH } from './decode/plan.ts'
import type { Speaking } from './identity/speaking.ts'
import type { Mqtt } from './mqtt.ts'
import type { Pipeline } from './pipeline.ts'

/** By its id. Null: there is none. Rejects when the disk refuses. */
export type ForgetDevice = (id: string) => Promise<Forgotten | null>

export interface Forgotten {
  readonly id: string
  /** Topics of its own on which a retained message may still be: the broker was away, or the topic holds what no name may. */
  readonly retainedLeft: readonly string[]
}

/** For a broker that is away: its retained messages show the device again when it is back, if it has any. */
const CLEAR_WITHIN_MS = 5_000
const NOTHING = Buffer.alloc(0)

export interface ForgetParts {
  readonly catalog: Pick<Catalog, 'forget' | 'flush'>
  readonly decoder: Pick<Decoder, 'forget'>
  readonly speaking: Pick<Speaking, 'reconsider'>
  readonly pipeline: Pick<Pipeline, 'announce'>
  readonly mqtt: Pick<Mqtt, 'deliver' | 'isListening'>
}

export function createForgetDevice({
  catalog,
  decoder,
  speaking,
  pipeline,
  mqtt,
}: ForgetParts): ForgetDevice {
  return async wanted => {
    const forgotten = catalog.forget(wanted, Date.now() * 1000)
    if (forgotten === null) return null
    const { id, names, topics, lastSeenUs } = forgotten
    // At once: what it says from here on is of a new device.
    decoder.forget(names, topics)
    speaking.reconsider()
    pipeline.announce([{ device: id, available: false, availableBy: 'forgotten', lastSeenUs }])
    await catalog.flush()
    const left = await Promise.all(topics.map(async topic => ((await clear(topic)) ? [] : [topic])))
    return { id, retainedLeft: left.flat() }
  }

  /** False: there may still be a retained message. */
  async function clear(topic: string): Promise<boolean> {
    // A name that was made clean is not the topic that it was.
    if (uniqueName(topic, MAX_TOPIC_LENGTH) !== topic) return false
    const nothing = { topic, payload: NOTHING, qos: 1, retain: true } as const
    try {
      const result = await mqtt.deliver(nothing, CLEAR_WITHIN_MS)
      // Of our own broker `offline` says that nobody listens there.
      return result === 'delivered' || (result === 'offline' && mqtt.isListening)
    } catch {
      return false
    }
  }
}
