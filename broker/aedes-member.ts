/** A client of Aedes, as admission knows it. */

import type { Client, ConnectPacket } from 'aedes'
import type { Member } from './admission.ts'

/** Aedes has them; its types do not say so. */
interface Insides {
  will: object | null
  /** Until it is let in. */
  _will: object | null
}

const members = new WeakMap<Client, AedesMember>()

export function memberOf(client: Client): AedesMember {
  let member = members.get(client)
  if (member === undefined) {
    member = new AedesMember(client)
    members.set(client, member)
  }
  return member
}

export class AedesMember implements Member {
  readonly #client: Client
  #clientId = ''
  #willTopic: string | null = null

  constructor(client: Client) {
    this.#client = client
  }

  connects({ clientId, will }: ConnectPacket): void {
    this.#clientId = clientId
    this.#willTopic = will?.topic ?? null
  }

  /** As it came: may be empty. */
  get clientId(): string {
    return this.#clientId
  }

  get willTopic(): string | null {
    return this.#willTopic
  }

  leave(withWill: boolean): Promise<void> {
    const insides = this.#client as unknown as Insides
    if (!withWill) {
      insides.will = null
      insides._will = null
    }
    return new Promise(resolve => this.#client.close(resolve))
  }
}
