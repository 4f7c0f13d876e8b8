/**
 * InfluxQL over `/query`: 1.x natively, 2.x and 3 by their compatible API, which takes the token in a header.
 * The `influx` package asks and reads; quoting is ours, because its string literals leave a backslash as it is.
 */

import type { InfluxDB } from 'influx'
import { HistoryError } from '../history-error.ts'
import { type InfluxServer, influxClient } from './client.ts'

/** One series of an answer. Times are microseconds: integers below 2^53, exact in JSON, which nanoseconds are not. */
export interface AnswerSeries {
  readonly name: string
  readonly tags?: Readonly<Record<string, string>>
  readonly columns: readonly string[]
  readonly values: readonly (readonly unknown[])[]
}

interface Answer {
  readonly error?: string
  readonly results?: readonly { readonly series?: readonly AnswerSeries[]; readonly error?: string }[]
}

/** Which word stands before the token. 1.x and 2.x know `Token`; 3 and what imitates it may want `Bearer`. */
const SCHEMES = ['Token', 'Bearer'] as const

export class InfluxQuery {
  readonly #clients: InfluxDB[]
  readonly #timeoutMs: number

  constructor(server: InfluxServer, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    const { token } = server
    this.#clients =
      token === undefined
        ? [influxClient(server, timeoutMs, {})]
        : SCHEMES.map(scheme => influxClient(server, timeoutMs, { authorization: `${scheme} ${token}` }))
  }

  /** The series of each statement. Rejects with a HistoryError in the server's words. */
  async ask(statements: readonly string[]): Promise<readonly (readonly AnswerSeries[])[]> {
    const { error, results = [] } = await this.#send(statements.join(';'))
    const failure = error ?? results.find(result => result.error !== undefined)?.error
    // The writer makes it with the first batch.
    if (failure?.startsWith('database not found')) return statements.map(() => [])
    if (failure !== undefined) throw new HistoryError('unavailable', `InfluxDB: ${failure}`)
    return statements.map((_, i) => results[i]?.series ?? [])
  }

  async #send(query: string): Promise<Answer> {
    const timeout = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => timeout.reject(new HistoryError('too-slow', `InfluxDB: no answer within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    )
    try {
      // The package waits for ever for the rest of an answer that breaks off.
      const answer = this.#clients[0]!.queryRaw(query, { precision: 'u' }) as Promise<Answer>
      return await Promise.race([answer, timeout.promise])
    } catch (error) {
      if (error instanceof HistoryError) throw error
      const words = wordsOf(error)
      if (this.#clients.length > 1 && / 401 /.test(words)) {
        this.#clients.shift()
        return this.#send(query)
      }
      // Not as its cause: the package's error holds the request, with our credentials.
      throw new HistoryError('unavailable', `InfluxDB: ${words}`)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Node says nothing but a code when every address of a name refuses. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message !== '' ? error.message : String('code' in error ? error.code : error.name)
}

/** A name of a measurement, field or tag. */
export function quoteName(name: string): string {
  return `"${escapeText(name, '"')}"`
}

export function quoteText(text: string): string {
  return `'${escapeText(text, "'")}'`
}

function escapeText(text: string, quote: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(quote, `\\${quote}`)
}
