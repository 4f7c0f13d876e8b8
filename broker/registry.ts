/**
 * Aedes lists clients by id, and takes whoever stands under one for the client that leaves. A connection that ends
 * while another one takes its place, or before it got a place itself, would take the other one out of the list: its
 * session would age, and nobody could take over from it. Here a client takes out itself, and only once. And where two
 * wait for one place, the second closes the first [MQTT-3.1.4-2].
 */

import type { Aedes, Client } from 'aedes'

/** Aedes as it is at run time, beyond its types. */
interface Insides {
  readonly clients: Readonly<Record<string, Client | undefined>>
  connectedClients: number
  unregisterClient(client: Client): void
  _finishRegisterClient(client: Client): void
}

/** `gone`: for each client that was listed. 'clientDisconnect' is for those after whom nobody else has the id. */
export function keepRegistry(aedes: Aedes, gone: (client: Client) => void): void {
  const insides = aedes as unknown as Insides
  const list = insides._finishRegisterClient.bind(aedes)
  const unlist = insides.unregisterClient.bind(aedes)
  const listed = new WeakSet<Client>()
  insides._finishRegisterClient = client => {
    const holder = insides.clients[client.id]
    if (holder !== undefined && !holder.closed) {
      holder.close(() => insides._finishRegisterClient(client))
      return
    }
    // It is closing, and loses its place before it gives it up.
    if (holder !== undefined && listed.delete(holder)) {
      insides.connectedClients--
      gone(holder)
    }
    listed.add(client)
    list(client)
  }
  insides.unregisterClient = client => {
    if (!listed.delete(client)) return
    unlist(client)
    gone(client)
  }
}
