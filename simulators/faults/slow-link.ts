/** A link of so many bytes a second: packets arrive in pieces, late, and the sender feels it. */

import { Duplex } from 'node:stream'

const TICK_MS = 50

export class SlowLink extends Duplex {
  readonly #inner: Duplex
  readonly #bytesPerTick: number
  /** What small writes have not waited for yet. */
  #owedMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(inner: Duplex, bytesPerS: number) {
    super({ writableHighWaterMark: 4096 })
    this.#inner = inner
    this.#bytesPerTick = Math.max(1, Math.round((bytesPerS * TICK_MS) / 1000))
    inner.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause()
    })
    inner.on('end', () => this.push(null))
    inner.on('error', error => this.destroy(error))
    inner.on('close', () => this.destroy())
  }

  override _read(): void {
    this.#inner.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0
    const next = (): void => {
      const slice = chunk.subarray(at, at + this.#bytesPerTick)
      at += slice.length
      this.#inner.write(slice)
      this.#owedMs += (slice.length / this.#bytesPerTick) * TICK_MS
      const go = at < chunk.length ? next : done
      if (this.#owedMs < TICK_MS / 2) {
        go()
        return
      }
      this.#timer = setTimeout(go, this.#owedMs)
      this.#owedMs = 0
    }
    next()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#inner.destroy()
    done(error)
  }
}
