/** A connection as Aedes wants it: a stream of what the guard lets through, and of what goes to the client. */

import { Duplex } from 'node:stream'
import type { Connection } from './speaker.ts'

/** Whether more may come for Aedes. */
export interface Gate {
  close(): void
  open(): void
  /** SUBACK or UNSUBACK is written. */
  answered(): void
}

type Done = (error?: Error | null) => void

export class AedesStream extends Duplex {
  readonly connection: Connection
  /** What the client named in CONNECT. The guard keeps the time: Aedes does not see every packet. */
  keepAliveS = 0
  readonly #gate: Gate
  #waiting: Done | null = null

  constructor(connection: Connection, gate: Gate) {
    super()
    this.connection = connection
    this.#gate = gate
  }

  /** From the client. */
  receive(bytes: Buffer): void {
    if (!this.destroyed && !this.push(bytes)) this.#gate.close()
  }

  /** CONNACK said yes. */
  greeted(): void {
    this.connection.greeted(this.keepAliveS)
  }

  /** To SUBSCRIBE or UNSUBSCRIBE. */
  answered(): void {
    this.#gate.answered()
  }

  /** The network takes more. */
  drained(): void {
    const done = this.#waiting
    this.#waiting = null
    done?.()
  }

  override _read(): void {
    this.#gate.open()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.connection.write(bytes) || !this.connection.isOpen) done()
    else this.#waiting = done
  }

  /** Aedes writes a packet in pieces. */
  override _writev(pieces: { chunk: Buffer }[], done: Done): void {
    this._write(Buffer.concat(pieces.map(({ chunk }) => chunk)), 'utf8', done)
  }

  override _destroy(error: Error | null, done: Done): void {
    this.connection.end()
    done(error)
  }
}
