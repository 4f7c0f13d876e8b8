/** A client of Aedes, as admission knows it. */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Client, ConnectPacket } from 'aedes'
import type { Login } from './access.ts'
import type { Member } from './admission.ts'

type Peer = Pick<Login, 'address' | 'certificate' | 'headers'>

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

  /** The guard knows best; a stream that did not come through it says what it can. */
  get peer(): Peer {
    const { conn, req } = this.#client as Client & { conn: Duplex & { connection?: Peer } }
    return conn.connection ?? peerOf(req?.socket ?? conn, req)
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

function peerOf(socket: Duplex, request: IncomingMessage | undefined): Peer {
  const address = 'remoteAddress' in socket ? String(socket.remoteAddress ?? '') : ''
  return { address, certificate: certificateOf(socket), headers: request?.headers ?? null }
}

/** Null also for one that no authority of ours signed, and for one that goes by several names. */
function certificateOf(socket: Duplex): Login['certificate'] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null
  const { subject, fingerprint256 } = socket.getPeerCertificate()
  const commonName: unknown = subject?.CN
  return typeof commonName === 'string' ? { commonName, fingerprint256 } : null
}
