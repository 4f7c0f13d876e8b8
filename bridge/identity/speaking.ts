/**
 * Which devices an identity may report readings of. What it may publish is settled by topics; but payloads and topics
 * name devices too, and nobody is to write another's series by naming it:
 *
 * - A gateway and a person speak for whom they like.
 * - A device speaks for itself, never for one that is known by an identity of its own, and otherwise for devices that
 *   are new, or were heard before on a topic that it may publish to: the sensors behind it. Who was heard in an
 *   earlier run, or was forgotten, is not new: its history is its own, also while the store that has it is away.
 */

import type { Access } from '../../broker/access.ts'
import { uniqueName } from '../decode/names.ts'
import type { Identities } from './identities.ts'

export interface SpeakingParts {
  readonly identities: Pick<Identities, 'accessOf' | 'deviceOf' | 'hasDevice'>
  /** Topics that a device was heard on, also before it was forgotten; empty: it is new. */
  readonly topicsOf: (device: string) => readonly string[]
  readonly log: { warn(fields: object, text: string): void }
}

export type MaySpeakOf = (identity: string, device: string) => boolean

export interface Speaking {
  readonly maySpeakOf: MaySpeakOf
  /** What was found out before holds no more: a device was forgotten, or the store has told of those of before. */
  reconsider(): void
}

/** Devices behind one identity that are remembered; it is asked for every reading. */
const MAX_KNOWN = 1000

export function createSpeaking({ identities, topicsOf, log }: SpeakingParts): Speaking {
  /** A change of rights makes another access of it. */
  let known = new WeakMap<Access, Set<string>>()
  const warned = new WeakSet<Access>()

  function maySpeakOf(identity: string, device: string): boolean {
    const access = identities.accessOf(identity)
    if (access === null) return false
    if (!access.isConfined) return true
    const id = identities.deviceOf(identity)
    if (device === id || (id !== null && device === uniqueName(id))) return true
    const isForeign = identities.hasDevice(device) || !isBehind(access, device)
    if (isForeign && !warned.has(access)) {
      warned.add(access)
      log.warn(
        { identity: id, device },
        'a device speaks for another and is refused; a gateway may: device add --gateway',
      )
    }
    return !isForeign
  }

  function isBehind(access: Access, device: string): boolean {
    let devices = known.get(access)
    if (devices?.has(device)) return true
    const topics = topicsOf(device)
    if (topics.length > 0 && !topics.some(topic => access.mayPublish(topic))) return false
    if (devices === undefined || devices.size >= MAX_KNOWN) {
      devices = new Set()
      known.set(access, devices)
    }
    devices.add(device)
    return true
  }

  return {
    maySpeakOf,
    reconsider: () => {
      known = new WeakMap()
    },
  }
}
