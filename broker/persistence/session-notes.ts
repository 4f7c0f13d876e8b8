/** What of a session is noted for the disk, each thing under a key of its own; one that ends with its connection is not. */

import type { Saver } from './saver.ts'
import type { Delivery, Session } from './session.ts'

export class SessionNotes {
  readonly #saver: Saver
  readonly #sessions: ReadonlyMap<string, Session>

  /** `sessions`: those that are there when the saver asks, by client id. */
  constructor(saver: Saver, sessions: ReadonlyMap<string, Session>) {
    this.#saver = saver
    this.#sessions = sessions
  }

  /** Subscriptions, expiry, and how long its client has been away. */
  session({ clientId: client, isVolatile }: Session): void {
    if (isVolatile) return
    this.#saver.note(`session ${client}`, {
      change: () => {
        const now = this.#sessions.get(client)
        if (now === undefined || (now.grants.size === 0 && now.expiryMs === null))
          return { kind: 'no-session', client }
        return {
          kind: 'session',
          client,
          idleMs: now.idleMs,
          grants: JSON.stringify([...now.grants.values()]),
          expiryMs: now.expiryMs,
        }
      },
    })
  }

  delivery(delivery: Delivery): void {
    const { id, session, topic, payload, qos, retain, share, properties, expiresAtMs } = delivery
    if (session.isVolatile) return
    this.#saver.note(`delivery ${id}`, {
      change: () => {
        const { packetId, isReleased, isSaved } = delivery
        if (!session.queue.has(id)) return isSaved ? { kind: 'no-delivery', id } : null
        if (isSaved) return { kind: 'sent', id, packetId, isReleased }
        const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
        return {
          kind: 'delivery',
          id,
          client: session.clientId,
          topic,
          payload: bytes,
          qos,
          packetId,
          isReleased,
          retain,
          subscriptionIds: delivery.subscriptionIds?.join(',') ?? null,
          share,
          properties,
          expiresAtMs,
        }
      },
      saved: () => {
        delivery.isSaved = true
      },
    })
  }

  /** A packet identifier of QoS 2 from the client. */
  incoming({ clientId: client, isVolatile }: Session, packetId: number): void {
    if (isVolatile) return
    this.#saver.note(`incoming ${packetId} ${client}`, {
      change: () => {
        const isKnown = this.#sessions.get(client)?.incoming.has(packetId) === true
        return { kind: isKnown ? 'incoming' : 'no-incoming', client, packetId }
      },
    })
  }
}
