/**
 * The seam between the guard, which knows bytes, and the front, which speaks the protocol. The level in a client's
 * CONNECT decides how.
 *
 *   socket -> PROXY header? -> TLS? -> guard: caps, frames, sizes, rates, clocks -> Speaker
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Login } from '../access.ts'

/** What is known of a client before it says a word. */
export interface Peer {
  /** The client's own, where a trusted proxy stands between. */
  readonly address: string
  /** Of the request that became a WebSocket; null: TCP or TLS. */
  readonly headers: IncomingHttpHeaders | null
  /** Of a client certificate that the listener's authority signed. */
  readonly certificate: Login['certificate']
}

/** A client's connection, as the one who speaks with it has it. */
export interface Connection extends Peer {
  /** Of the protocol, as CONNECT says: 3 is MQTT 3.1, 4 is 3.1.1. */
  readonly level: 3 | 4 | 5
  /** False as soon as it is closing, whoever closes it. */
  readonly isOpen: boolean
  /** Written, and not taken by the network yet. */
  readonly unsentBytes: number
  /** False: the network does not take it as fast; `drained` follows. */
  write(bytes: Uint8Array): boolean
  /**
   * Does not read while the network has not taken what was written: for what the client brings about by sending, such
   * as acknowledgements. One that takes nothing for 10 s is closed.
   */
  pauseUntilDrained(): void
  /**
   * CONNACK said yes: from now on its packets are read, and the client is given one and a half times its keep-alive
   * between them; 0: the idle limit. Until then nothing is read, and authenticating has its time limit.
   */
  greeted(keepAliveS: number): void
  /** Does not read until `resume`: the client feels it by TCP. After it, the speaker gets nothing of the same read. */
  pause(): void
  resume(): void
  /** Sends what was written, then closes: after a CONNACK that says no, or a DISCONNECT. */
  end(): void
  /** At once. The reason is for the log and the counters of the guard, a word or a few. */
  destroy(reason: string): void
}

/** Why the guard closes a connection that is open; told before it does, so that a DISCONNECT can be written. */
export type Refusal = 'malformed' | 'too-large' | 'keep-alive'

export interface Speaker {
  /**
   * A whole packet, `bytes` from `at` to `end`, whose fixed header ends before `body`. Size and rate are within the
   * limits; a first packet is a CONNECT, of 3.1 and 3.1.1 checked to the last byte. The rest is the speaker's to check.
   * The bytes stay as they are; a view of them holds the whole read.
   */
  packet(bytes: Buffer, at: number, body: number, end: number): void
  /** After the packets of one read: the time to write what they brought about. */
  batchEnd?(): void
  /** See `write`. */
  drained?(): void
  refused?(reason: Refusal): void
  /** The network connection is gone, whoever ended it. */
  closed(): void
}

/** Takes over a connection whose CONNECT has come; `packet` gets the CONNECT first. */
export type Speak = (connection: Connection) => Speaker
