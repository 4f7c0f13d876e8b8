import { Worker } from 'node:worker_threads'
import { HistoryError } from '../history-error.ts'
import type { Bucket, History, HistoryQuery, LastValue, RawPage } from '../store.ts'
import type { Answer, Call } from './history-worker.ts'

/** SQLite cannot be interrupted from outside: past this the thread is ended, and the next query gets a new one. */
const TIMEOUT_MS = 30_000

/**
 * `History` over the files of an `EmbeddedStore`, in a thread of its own, one query after the other. Sees whatever
 * a finished `write` has stored. Rejects with a HistoryError.
 */
export class EmbeddedHistory implements History {
  readonly #directory: string
  readonly #timeoutMs: number
  #worker: Worker | null = null
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** The directory may be empty, or not there yet. */
  constructor(directory: string, { timeoutMs = TIMEOUT_MS } = {}) {
    this.#directory = directory
    this.#timeoutMs = timeoutMs
  }

  async buckets(query: HistoryQuery, bucketMs: number): Promise<readonly Bucket[] | null> {
    return (await this.#call({ name: 'buckets', args: [query, bucketMs] })) as readonly Bucket[] | null
  }

  async raw(query: HistoryQuery, limit: number): Promise<RawPage | null> {
    return (await this.#call({ name: 'raw', args: [query, limit] })) as RawPage | null
  }

  async lastValues(): Promise<readonly LastValue[]> {
    return (await this.#call({ name: 'lastValues', args: [] })) as readonly LastValue[]
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#worker?.terminate()
    await this.#last
  }

  #call(call: Call): Promise<unknown> {
    const answered = this.#last.then(() => this.#perform(call))
    this.#last = answered.catch(() => undefined)
    return answered
  }

  async #perform(call: Call): Promise<unknown> {
    if (this.#isClosed) throw new HistoryError('unavailable', 'the history is closed')
    this.#worker ??= this.#start()
    const answer = await this.#answer(this.#worker, call)
    if (!answer.ok) throw new HistoryError(answer.code, answer.message)
    return answer.result
  }

  #start(): Worker {
    const worker = new Worker(new URL('./history-worker.ts', import.meta.url), {
      workerData: this.#directory,
    })
    // It may also end between two queries: the next one starts another.
    const forget = () => {
      if (this.#worker === worker) this.#worker = null
    }
    return worker.on('error', forget).on('exit', forget)
  }

  async #answer(worker: Worker, call: Call): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    const onExit = () => resolve({ ok: false, code: 'unavailable', message: 'the history thread has ended' })
    const onError = (error: Error) => resolve({ ok: false, code: 'unavailable', message: error.message })
    // The newest values of a million series take half a minute.
    const timeoutMs = call.name === 'lastValues' ? 10 * this.#timeoutMs : this.#timeoutMs
    const timer = setTimeout(() => {
      resolve({ ok: false, code: 'too-slow', message: `no answer within ${timeoutMs} ms` })
    }, timeoutMs)
    let hasAnswered = false
    worker.once('message', (answer: Answer) => {
      hasAnswered = true
      resolve(answer)
    })
    worker.once('error', onError).once('exit', onExit).postMessage(call)
    const answer = await promise
    clearTimeout(timer)
    worker.removeListener('error', onError).removeListener('exit', onExit)
    if (!hasAnswered) {
      this.#worker = null
      await worker.terminate()
    }
    return answer
  }
}
