/**
 * What goes to one client, gathered to few writes; and how much of it the client brought about by sending, such as
 * acknowledgements. One that sends and does not read is not read from.
 */

import type { Connection } from '../guard/speaker.ts'

/** Written at once when so much has gathered. */
const FLUSH_BYTES = 64 * 1024
/** Of answers that are not taken, before the client is not read from until the network has taken what was written. */
const MAX_ANSWER_BYTES = 16 * 1024

export class Output {
  readonly #guarded: Connection
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Of answers, since there was nothing unsent. */
  #answerBytes = 0
  #isFlushDue = false
  #isClosed = false

  constructor(guarded: Connection) {
    this.#guarded = guarded
  }

  get unsentBytes(): number {
    return this.#pendingBytes + this.#guarded.unsentBytes
  }

  /** More of them than it is given without reading: until it does, it is sent no more than it must be. */
  get leavesAnswers(): boolean {
    return this.#answerBytes > MAX_ANSWER_BYTES
  }

  /** To what the client sent. */
  answer(bytes: Uint8Array): void {
    if (this.unsentBytes === 0) this.#answerBytes = 0
    this.#answerBytes += bytes.length
    this.write(bytes)
  }

  /** Soon, with what else there is. */
  write(bytes: Uint8Array): void {
    if (this.#isClosed) return
    this.#pending.push(bytes)
    this.#pendingBytes += bytes.length
    if (this.#pendingBytes >= FLUSH_BYTES) {
      this.flush()
    } else if (!this.#isFlushDue) {
      this.#isFlushDue = true
      process.nextTick(() => this.flush())
    }
  }

  flush(): void {
    this.#isFlushDue = false
    const pending = this.#pending
    if (pending.length === 0) return
    const isSmall = this.#pendingBytes <= FLUSH_BYTES
    this.#pending = []
    this.#pendingBytes = 0
    if (pending.length === 1) this.#guarded.write(pending[0]!)
    else if (isSmall) this.#guarded.write(Buffer.concat(pending))
    else for (const bytes of pending) this.#guarded.write(bytes)
  }

  /** What the packets of one read brought about is gathered. */
  batchEnd(): void {
    this.flush()
    if (this.leavesAnswers) this.#guarded.pauseUntilDrained()
  }

  /** The network has taken everything. */
  drained(): void {
    this.#answerBytes = 0
  }

  /** Nothing more is written, nor what was not flushed. */
  close(): void {
    this.#isClosed = true
    this.#pending = []
    this.#pendingBytes = 0
  }
}
