/**
 * Writes to InfluxDB: 1.x by `/write`, 2.x and 3 by `/api/v2/write` when there is a token. Our own HTTP, because what
 * matters is the answer: each status becomes a verdict, and the server's words are kept.
 *
 * Precision is always `ns`: 1.x takes `us`, and any name that it does not know, for nanoseconds without a word.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { gzipSync } from 'node:zlib'
import type { Batch, Position, Store, Verdict } from '../store.ts'
import type { InfluxServer } from './client.ts'

export interface InfluxOptions extends InfluxServer {
  readonly timeoutMs: number
  /** Creates the database (1.x), which the server said is missing. */
  readonly createDatabase: () => Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfterMs?: number
}

/** An answer longer than this is cut: a 400 repeats every bad line. */
const MAX_ANSWER_CHARS = 8192
/** Below this, or to this machine, compression costs more than it saves. */
const GZIP_FROM_BYTES = 1024

export class InfluxStore implements Store {
  /** As many lines in a request as InfluxDB takes at full speed, well below its 25 MB. */
  readonly maxLines = 10_000
  readonly lingerMs = 200
  readonly #options: InfluxOptions
  readonly #target: URL
  readonly #headers: Record<string, string>
  readonly #agent: HttpAgent | HttpsAgent
  readonly #isLocal: boolean

  constructor(options: InfluxOptions) {
    this.#options = options
    this.#target = writeUrl(options)
    this.#headers = { 'content-type': 'text/plain; charset=utf-8', ...authorization(options) }
    const agentOptions = { keepAlive: true, maxSockets: 2 }
    this.#agent =
      this.#target.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions)
    this.#isLocal = /^(localhost|127\..*|\[::1\])$/.test(this.#target.hostname)
  }

  async write(batch: Batch): Promise<Verdict> {
    const body = batch.lines.length === 1 ? batch.lines[0]! : Buffer.concat(batch.lines)
    let answer: Answer
    try {
      answer = await this.#post(body)
    } catch (error) {
      return { kind: 'retry', reason: describe(error) }
    }
    if (answer.status === 404 && /database not found/i.test(answer.body))
      return this.#createDatabase(answer.body)
    return verdictOf(answer)
  }

  /** InfluxDB keeps none; writing a batch again changes nothing. */
  position(): Position | null {
    return null
  }

  async close(): Promise<void> {
    this.#agent.destroy()
  }

  async #createDatabase(refusal: string): Promise<Verdict> {
    const { database } = this.#options
    try {
      await this.#options.createDatabase()
      return { kind: 'retry', reason: `created database ${database}`, afterMs: 0 }
    } catch (error) {
      return { kind: 'misconfigured', reason: `${refusal}; creating it failed: ${describe(error)}` }
    }
  }

  /** A connection that the server closed while it was idle says nothing about the server: once more, on a new one. */
  async #post(body: Uint8Array): Promise<Answer> {
    try {
      return await this.#send(body)
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error
      return await this.#send(body)
    }
  }

  #send(body: Uint8Array): Promise<Answer> {
    const isCompressed = !this.#isLocal && body.length >= GZIP_FROM_BYTES
    const bytes = isCompressed ? gzipSync(body, { level: 1 }) : body
    const send = this.#target.protocol === 'https:' ? httpsRequest : httpRequest
    const headers = {
      ...this.#headers,
      'content-length': String(bytes.length),
      ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    }
    return new Promise((resolve, reject) => {
      const request = send(this.#target, { method: 'POST', agent: this.#agent, headers }, response => {
        readAnswer(response).then(resolve, reject)
      })
      // For the whole exchange: a server that accepts and never answers, or drips, must not hold the writer.
      const deadline = setTimeout(
        () => request.destroy(new Error('no answer in time')),
        this.#options.timeoutMs,
      )
      request.once('close', () => clearTimeout(deadline))
      request.once('error', (error: NodeJS.ErrnoException) =>
        reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection(error) : error),
      )
      request.end(bytes)
    })
  }
}

class StaleConnection extends Error {
  readonly code = 'ECONNRESET'
  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** The one table of what InfluxDB's answers mean; the cases are measured on 1.6.7 and documented for 2.x and 3. */
export function verdictOf({ status, body, retryAfterMs }: Answer): Verdict {
  const reason = `${status}: ${body.trim() || 'no text'}`
  if (status >= 200 && status < 300) return { kind: 'written' }
  if (status === 413) return { kind: 'split', reason }
  if (status === 401 || status === 403 || status === 404) return { kind: 'misconfigured', reason }
  // 1.x says 500 for a retention policy that is not there, 2.x for a type conflict: the text decides.
  if (/retention policy not found|database is required|bucket .*not found/i.test(body)) {
    return { kind: 'misconfigured', reason }
  }
  if (status === 400 || status === 422 || /field type conflict/i.test(body))
    return { kind: 'rejected', reason }
  return { kind: 'retry', reason, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) }
}

function writeUrl({ url, database, token, org, bucket }: InfluxServer): URL {
  const target = new URL(token === undefined ? `${url}/write` : `${url}/api/v2/write`)
  if (token === undefined) {
    target.searchParams.set('db', database)
  } else {
    target.searchParams.set('bucket', bucket ?? database)
    if (org !== undefined) target.searchParams.set('org', org)
  }
  target.searchParams.set('precision', 'ns')
  return target
}

function authorization({ token, username, password }: InfluxServer): Record<string, string> {
  if (token !== undefined) return { authorization: `Token ${token}` }
  if (username === undefined) return {}
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  response.setEncoding('utf8')
  let body = ''
  for await (const chunk of response) if (body.length < MAX_ANSWER_CHARS) body += chunk
  const status = response.statusCode ?? 0
  const retryAfter = parseRetryAfter(response.headers['retry-after'])
  return { status, body: errorText(body), ...(retryAfter === null ? {} : { retryAfterMs: retryAfter }) }
}

/** `{"error":"..."}` in 1.x, `{"code":...,"message":"..."}` in 2.x; anything else as it is. */
function errorText(body: string): string {
  try {
    const { error, message } = JSON.parse(body) as { error?: unknown; message?: unknown }
    const text = message ?? error
    if (typeof text === 'string') return text
  } catch {
    // Not JSON: a proxy speaks.
  }
  return body.slice(0, MAX_ANSWER_CHARS)
}

/** Seconds or an HTTP date [RFC 9110, 10.2.3]; null: absent or neither. */
function parseRetryAfter(value: string | undefined): number | null {
  if (value === undefined) return null
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined || message.includes(code) ? message || String(error) : `${message} (${code})`
}
