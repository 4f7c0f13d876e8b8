/**
 * Who a device is, whatever it is called: a rename must keep its history, and a name that passes to another device must
 * not give it the history of the one before.
 *
 * Gateways tell lasting identities (an IEEE address, a MAC) together with the name that is used now and the topic on
 * which messages come, its place. What a device was called when it was first seen is its id for ever; the name of
 * now leads there from its place. Only a place: what another gateway calls the same is another matter, and whoever may
 * write to a place may say who speaks there.
 *
 * Some only suggest an identity: a discovery topic that leads from one place to another may be a rename, or the
 * description of something else. Such a suggestion never leads away from a device that was already seen there.
 */

export interface Sighting {
  /** Lasting, with its namespace in front. */
  readonly identity: string
  /** The name of now, as readings from that place have it. */
  readonly name: string
  /** Topic, or what topics of the device begin with. */
  readonly place: string
  readonly isCertain: boolean
}

/** A decision, as it is kept. */
export interface Decision extends Sighting {
  readonly id: string
}

interface Identity {
  readonly key: string
  id: string
  name: string
  isCertain: boolean
  readonly places: Set<string>
}

/** What the catalog knows of devices beside their identities. */
export interface Seen {
  /** A device of that id was heard from that place, now or in an earlier run. */
  wasHeardFrom(id: string, place: string): boolean
  has(id: string): boolean
  wasHeard(id: string): boolean
}

/** Places that a device left: they only keep old topics out of lists. */
const MAX_FORMER = 16
/** Of one device at a time. */
const MAX_PLACES = 64

export class Aliases {
  readonly #seen: Seen
  readonly #max: number
  readonly #byKey = new Map<string, Identity>()
  readonly #byPlace = new Map<string, Identity>()
  readonly #certainIds = new Set<string>()
  /** Of each id that belongs to an identity: where it was before. */
  readonly #former = new Map<string, Set<string>>()

  constructor(seen: Seen, max: number) {
    this.#seen = seen
    this.#max = max
  }

  /** The id of what is called `device` in messages on that topic. */
  idOf(device: string, topic: string): string {
    if (this.#byPlace.size === 0) return device
    for (let end = topic.length; end > 0; end = topic.lastIndexOf('/', end - 1)) {
      const identity = this.#byPlace.get(topic.slice(0, end))
      if (identity !== undefined) return identity.name === device ? identity.id : device
    }
    return device
  }

  /** The id of the device that goes by that name now; undefined when none does. */
  named(name: string): string | undefined {
    for (const identity of this.#byKey.values()) if (identity.name === name) return identity.id
    return undefined
  }

  /** What the device of that id is called now, by all who have a name for it. */
  namesOf(id: string): string[] {
    return [...this.#byKey.values()].filter(identity => identity.id === id).map(({ name }) => name)
  }

  isKnown(id: string): boolean {
    return this.#former.has(id)
  }

  /** Whether a device spoke from there under a name that it no longer has. */
  hasLeft(id: string, topic: string): boolean {
    const former = this.#former.get(id)
    if (former === undefined || former.size === 0) return false
    for (let end = topic.length; end > 0; end = topic.lastIndexOf('/', end - 1))
      if (former.has(topic.slice(0, end))) return true
    return false
  }

  /** The one place where it is decided which device a name means. Null: nothing new, or no room for it. */
  sight(sighting: Sighting): Decision | null {
    const { identity: key, name, place, isCertain } = sighting
    const known = this.#byKey.get(key)
    const isThere = !isCertain || this.#byPlace.get(place) === known
    if (known?.name === name && known.places.has(place) && isThere) return null
    if (known === undefined && this.#byKey.size >= this.#max) return null
    if (known?.name === name && known.places.size >= MAX_PLACES) return null
    const id = known === undefined ? this.#firstId(sighting) : this.#idAt(known, sighting)
    const decision = { ...sighting, id, isCertain: isCertain || known?.isCertain === true }
    this.take(decision)
    return decision
  }

  /** Somebody says that what was called one thing is called another. */
  rename(from: Sighting, to: Pick<Sighting, 'name' | 'place'>): Decision | null {
    let holder = this.#byPlace.get(from.place)
    if (holder?.name !== from.name) {
      const isUnknown = this.#byKey.size >= this.#max || !this.#seen.wasHeardFrom(from.name, from.place)
      if (isUnknown) return null
      holder = this.take({ ...from, id: from.name })
    }
    const { key: identity, id, isCertain } = holder
    const decision = { identity, id, name: to.name, place: to.place, isCertain }
    this.take(decision)
    return decision
  }

  /** A decision of now, or of an earlier start. */
  take({ identity: key, id, name, place, isCertain }: Decision): Identity {
    const identity = this.#byKey.get(key) ?? { key, id, name, isCertain, places: new Set<string>() }
    const former = this.#former.get(id) ?? new Set<string>()
    this.#byKey.set(key, identity)
    this.#former.set(id, former)
    if (identity.name !== name || identity.id !== id) {
      for (const left of identity.places) {
        if (this.#byPlace.get(left) === identity) this.#byPlace.delete(left)
        if (former.size < MAX_FORMER) former.add(left)
      }
      identity.places.clear()
    }
    identity.id = id
    identity.name = name
    identity.isCertain = isCertain
    if (isCertain) this.#certainIds.add(id)
    former.delete(place)
    if (identity.places.size >= MAX_PLACES) return identity
    identity.places.add(place)
    const holder = this.#byPlace.get(place)
    // A mere suggestion does not take the place of somebody who is known.
    if (holder === undefined || isCertain || !holder.isCertain) this.#byPlace.set(place, identity)
    return identity
  }

  *decisions(): Iterable<Decision> {
    for (const { key, id, name, isCertain, places } of this.#byKey.values())
      for (const place of places) yield { identity: key, id, name, place, isCertain }
  }

  #firstId({ name, place, isCertain }: Sighting): string {
    const holder = this.#byPlace.get(place)
    // One more word about the same device.
    if (holder?.name === name && !(isCertain && holder.isCertain)) return holder.id
    const isTaken = isCertain && this.#certainIds.has(name) && !this.#sharesName(name, place)
    return isTaken ? this.#freshId(name) : name
  }

  /** Two gateways with a device of one name, which was one device from its first sight: it stays one. */
  #sharesName(id: string, place: string): boolean {
    if (!this.#seen.wasHeardFrom(id, place)) return false
    const isTheirs = this.#byPlace.get(place)?.id === id || this.#former.get(id)?.has(place) === true
    return !isTheirs
  }

  #idAt(known: Identity, { name, place, isCertain }: Sighting): string {
    if (isCertain || known.isCertain || name === known.name) return known.id
    const holder = this.#byPlace.get(place)
    if (holder?.name === name) return holder.id
    const isOther = this.#seen.wasHeard(name) && this.idOf(name, place) === name && name !== known.id
    return isOther ? name : known.id
  }

  #freshId(name: string): string {
    for (let n = 2; ; n++) {
      const id = `${name}~${n}`
      if (!this.#seen.has(id) && !this.#former.has(id)) return id
    }
  }
}
