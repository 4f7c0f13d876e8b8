/**
 * Stands before an InfluxDB, or instead of one, and misbehaves on command. What it forwards it forwards whole, so that
 * it can lose the reply to a write that took place.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

export type Behaviour =
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Answers a byte now and then, and never ends. */
  | { readonly kind: 'drip' }
  /** Takes the connection and reads nothing from it, as a peer that lost its power. */
  | { readonly kind: 'half-open' }
  | { readonly kind: 'reset' }
  /** Does as it is told and loses the reply. */
  | { readonly kind: 'lose-reply' }

export interface FaultProxy {
  readonly url: string
  /** For writes; everything else passes. */
  behave(behaviour: Behaviour): void
  /** Every write takes so much longer. */
  slowDown(ms: number): void
  /** Connections are refused until `accept`. */
  refuse(): Promise<void>
  accept(): Promise<void>
  /** Bodies of the writes that were taken, when there is no server behind. */
  readonly bodies: string[]
  readonly stats: { requests: number; misbehaved: number }
  readonly lastHeaders: () => IncomingMessage['headers']
  readonly lastUrl: () => string
  close(): Promise<void>
}

const DRIP_MS = 50

/** `target`: the URL of a real server; null: writes are answered with 204 and kept in `bodies`. */
export async function startFaultProxy(target: string | null): Promise<FaultProxy> {
  let behaviour: Behaviour = { kind: 'pass' }
  let last: { headers: IncomingMessage['headers']; url: string } = { headers: {}, url: '' }
  const bodies: string[] = []
  let delayMs = 0
  const stats = { requests: 0, misbehaved: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    stats.requests++
    last = { headers: incoming.headers, url: incoming.url ?? '' }
    const now: Behaviour = isWrite(incoming) ? behaviour : { kind: 'pass' }
    if (now.kind !== 'pass') stats.misbehaved++
    void handle(now, incoming, response).catch(() => response.destroy())
  })
  server.on('connection', socket => {
    sockets.add(socket.once('close', () => sockets.delete(socket)))
    socket.on('error', () => undefined)
    if (behaviour.kind === 'half-open') socket.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function handle(now: Behaviour, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    switch (now.kind) {
      case 'half-open':
        return
      case 'reset':
        incoming.socket.resetAndDestroy()
        return
    }
    const body = await readAll(incoming)
    switch (now.kind) {
      case 'hang':
        return
      case 'drip': {
        response.writeHead(200)
        const timer = setInterval(() => response.write('.'), DRIP_MS)
        response.once('close', () => clearInterval(timer))
        return
      }
      case 'answer':
        response.writeHead(now.status, now.headers).end(now.body ?? '')
        return
      case 'pass':
      case 'lose-reply': {
        if (delayMs > 0 && isWrite(incoming)) await sleep(delayMs)
        const answer = target === null ? keep(incoming, body) : await forward(target, incoming, body)
        if (now.kind === 'lose-reply') incoming.socket.destroy()
        else response.writeHead(answer.status, answer.headers).end(answer.body)
      }
    }
  }

  function keep(incoming: IncomingMessage, body: Buffer): Answer {
    const isCompressed = incoming.headers['content-encoding'] === 'gzip'
    bodies.push((isCompressed ? gunzipSync(body) : body).toString())
    return { status: 204, headers: {}, body: Buffer.alloc(0) }
  }

  function dropAll(): void {
    for (const socket of sockets) socket.destroy()
  }

  return {
    url: `http://127.0.0.1:${port}`,
    behave(next) {
      // A connection that hangs would go on hanging, whatever comes next: the network has healed, or failed, for all.
      dropAll()
      behaviour = next
    },
    slowDown(ms) {
      delayMs = ms
    },
    async refuse() {
      const closed = once(server, 'close')
      server.close()
      dropAll()
      await closed
    },
    async accept() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    bodies,
    stats,
    lastHeaders: () => last.headers,
    lastUrl: () => last.url,
    async close() {
      server.close()
      dropAll()
    },
  }
}

function isWrite({ url }: IncomingMessage): boolean {
  return /^\/(api\/v2\/)?write/.test(url ?? '')
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[]>
  readonly body: Buffer
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

async function forward(target: string, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { host: _host, connection: _connection, ...headers } = incoming.headers
  const outgoing = request(target + incoming.url, { method: incoming.method ?? 'GET', headers })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const { connection: _c, 'transfer-encoding': _t, 'content-length': _l, ...answerHeaders } = response.headers
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(answerHeaders).filter(([, value]) => value !== undefined),
    ) as Record<string, string | string[]>,
    body: await readAll(response),
  }
}
