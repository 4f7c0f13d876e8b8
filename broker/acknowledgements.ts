/**
 * PUBACKs of one client. They leave in the order in which its messages came [MQTT-4.6.0-2], those of one commit in one
 * write: messages that wait for the same promise are one group, and a group waits for those before it.
 *
 * A message goes to the bus after its acknowledgement. One whose client is gone is not acknowledged; it comes again,
 * unless the client said goodbye, and goes to the bus then or now.
 */

import type { BusPublication } from './intake.ts'
import type { Prepared } from './persistence/sqlite-persistence.ts'

export interface AcknowledgementParts {
  readonly write: (bytes: Buffer) => void
  readonly publish: (publication: BusPublication) => void
  readonly cancel: (prepared: Prepared) => void
  /** One of them was not stored: there is no acknowledgement for it, and none after it. */
  readonly failed: () => void
  /** Fewer wait than before. */
  readonly eased: () => void
}

/** What somebody awaits. */
interface Kept {
  readonly publication: BusPublication
  readonly prepared: Prepared | null
}

interface Group {
  readonly accepted: Promise<void>
  readonly packetIds: number[]
  kept: Kept[] | null
  isStored: boolean
}

const PUBACK = 0x40

export class Acknowledgements {
  readonly #parts: AcknowledgementParts
  /** Oldest first. */
  #groups: Group[] = []
  #waiting = 0
  #state: 'open' | 'left' | 'lost' = 'open'

  constructor(parts: AcknowledgementParts) {
    this.#parts = parts
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting
  }

  /** `kept`: to be published, or cancelled. */
  add(packetId: number, accepted: Promise<void>, kept: Kept | null): void {
    this.#waiting++
    const saved = kept?.prepared?.saved ?? null
    let group = this.#groups.at(-1)
    if (group === undefined || group.isStored || group.accepted !== accepted || saved !== null) {
      group = { accepted, packetIds: [], kept: null, isStored: false }
      this.#groups.push(group)
      this.#await(group, saved === null ? accepted : Promise.all([accepted, saved]))
    }
    group.packetIds.push(packetId)
    if (kept === null) return
    group.kept ??= []
    group.kept.push(kept)
  }

  /** The connection is gone. `isPeaceful`: by DISCONNECT, so that nothing is sent again. */
  close(isPeaceful: boolean): void {
    if (this.#state !== 'open') return
    this.#state = isPeaceful ? 'left' : 'lost'
    if (!isPeaceful) this.#cancelAll()
  }

  #await(group: Group, stored: Promise<unknown>): void {
    stored.then(
      () => {
        group.isStored = true
        if (this.#groups[0] === group) this.#flush()
      },
      () => {
        if (this.#state === 'lost') return
        const wasOpen = this.#state === 'open'
        this.#state = 'lost'
        this.#cancelAll()
        if (wasOpen) this.#parts.failed()
      },
    )
  }

  #flush(): void {
    let count = 0
    let packets = 0
    for (const group of this.#groups) {
      if (!group.isStored) break
      count++
      packets += group.packetIds.length
    }
    const done = this.#groups.splice(0, count)
    this.#waiting -= packets
    if (this.#state === 'open') this.#parts.write(encode(done, packets))
    for (const { kept } of done)
      if (kept !== null) for (const { publication } of kept) this.#parts.publish(publication)
    if (this.#state === 'open') this.#parts.eased()
  }

  #cancelAll(): void {
    for (const { kept } of this.#groups)
      for (const { prepared } of kept ?? []) if (prepared !== null) this.#parts.cancel(prepared)
    this.#groups = []
    this.#waiting = 0
  }
}

function encode(groups: readonly Group[], packets: number): Buffer {
  const bytes = Buffer.allocUnsafe(4 * packets)
  let at = 0
  for (const { packetIds } of groups) {
    for (const id of packetIds) {
      bytes[at++] = PUBACK
      bytes[at++] = 2
      bytes[at++] = id >> 8
      bytes[at++] = id & 0xff
    }
  }
  return bytes
}
