/**
 * Random HTTP requests, as bytes, against a running bridge. What must hold: it lives and its memory is bounded; what it
 * answers is HTTP and never says that something went wrong inside (500); honest requests are answered all the while.
 */

import { connect } from 'node:net'
import { Chance } from '../../broker/fuzz/chance.ts'
import { mutate } from '../../broker/fuzz/mutate.ts'
import type { Trestle } from '../test/trestle.ts'
import { residentMb } from './frames.ts'

export interface RequestReport {
  readonly requests: number
  /** By status; none: closed without an answer. */
  readonly answers: Readonly<Record<string, number>>
  readonly slowestControlMs: number
  readonly residentMb: number
}

const CONCURRENCY = 8
const REQUESTS_PER_CHECK = 200
/** Answers that have no end, or wait for news: the beginning will do. */
const BEGINNING_MS = 30
const PATIENCE_MS = 10_000

const METHODS = [
  ...['GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'POST', 'POST', 'POST'],
  ...['PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'],
]
const PATHS = [
  '/',
  '/healthz',
  '/readyz',
  '/metrics',
  '/assets/index.js',
  '/assets/../../package.json',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%5c..%5cetc/passwd',
  '/api/ledger',
  '/api/devices',
  '/api/devices/__proto__',
  '/api/devices/%00',
  '/api/devices/%E0%A4%A',
  '/api/devices/lamp/commands',
  '/api/history',
  '/api/history?device=a&field=b',
  '/api/history?device=a&field=b&from=1e999&to=-1&points=NaN',
  '/api/history?device[]=a&device=b&field=__proto__&fn=constructor',
  "/api/history?device=a'%3BDROP&field=%22b%22&points=raw",
  '/api/explain',
  '/api/quarantine',
  '/api/quarantine?limit=1e9&before=x',
  '/api/quarantine/replay',
  '/api/spool/replay',
  '/api/login',
  '/api/logout',
  '/api/session',
  '/api/nothing',
  '/live',
  '/live/events',
  '/live/events?devices=a,b&maxHz=-1&topics=%23',
  '/live/poll',
  '/live/poll?cursor=nonsense',
  '/live/schema.json',
  '/mqtt',
  '*',
  'http://other.example/api/ledger',
  `/${'x'.repeat(3000)}`,
]
const BODIES = [
  '',
  '{}',
  '[]',
  'null',
  '{"topic":"home/a/b/state","payload":"21.5"}',
  '{"topic":"a","payloadBase64":"!!!","retain":1}',
  '{"messages":[{"topic":"a","payload":"1"},{"topic":7}]}',
  '{"payload":{"state":"ON"},"qos":2}',
  '{"username":"admin","password":"admin"}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}',
  '{"a":'.repeat(2000),
  '[1e999,-0,"\\ud800"]',
  '\u{feff}{}',
]
const HEADERS = [
  'Accept: text/csv',
  'Accept: */*;q=x',
  'Authorization: Bearer nonsense',
  'Authorization: Basic !!!!',
  'Cookie: session=nonsense; __proto__=1',
  'Origin: null',
  'Origin: https://other.example',
  'Last-Event-ID: nonsense',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: mqtt',
  'Sec-WebSocket-Extensions: constructor; a="b',
  'X-Forwarded-For: 1.2.3.4, ::1',
  'Range: bytes=0-,5-1',
  'If-None-Match: "x"',
  'Expect: 100-continue',
  'Transfer-Encoding: gzip, chunked',
  'Content-Encoding: gzip',
  `X-Long: ${'y'.repeat(2000)}`,
]

/** Rejects with an Error that names the seed when a promise is broken. */
export async function fuzzRequests(trestle: Trestle, requests: number, seed: number): Promise<RequestReport> {
  const answers: Record<string, number> = {}
  let sent = 0
  let slowestControlMs = 0
  const check = async () => {
    const startMs = performance.now()
    const { ok } = await trestle.get<{ ok: boolean }>('/healthz')
    if (!ok) throw new Error('it is not well')
    slowestControlMs = Math.max(slowestControlMs, performance.now() - startMs)
  }
  const worker = async () => {
    while (sent < requests) {
      const number = seed + sent++
      const request = requestOf(new Chance(number))
      const answer = await ask(trestle.http, request)
      answers[answer] = (answers[answer] ?? 0) + 1
      if (answer === '500' || answer === 'garbage')
        throw new Error(`${answer}, request ${number}: ${request.toString('latin1').slice(0, 1500)}`)
      if (sent % REQUESTS_PER_CHECK === 0) await check()
    }
  }
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    await check()
  } catch (cause) {
    throw new Error(`requests, seed ${seed}: ${trestle.stderr().slice(-2000)}`, { cause })
  }
  return {
    requests: sent,
    answers,
    slowestControlMs: Math.round(slowestControlMs),
    residentMb: residentMb(trestle),
  }
}

function requestOf(chance: Chance): Buffer {
  const body = Buffer.from(chance.pick(BODIES))
  const method = chance.is(0.03) ? chance.pick(['get', 'BREW', '']) : chance.pick(METHODS)
  const lines = [
    `${method} ${chance.pick(PATHS)} HTTP/${chance.is(0.9) ? '1.1' : chance.pick(['1.0', '2.0', '0.9'])}`,
    ...(chance.is(0.95) ? ['Host: 127.0.0.1'] : []),
    ...(chance.is(0.7) ? ['Content-Type: application/json'] : []),
  ]
  for (let i = chance.below(4); i > 0; i--) lines.push(chance.pick(HEADERS))
  const isChunked = chance.is(0.1)
  if (isChunked) lines.push('Transfer-Encoding: chunked')
  else if (chance.is(0.9)) lines.push(`Content-Length: ${body.length}`)
  if (chance.is(0.8)) lines.push('Connection: close')
  const tail = isChunked
    ? Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
    : body
  const request = Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), tail])
  if (!chance.is(0.3)) return request
  // A spoiled method is refused before anything else is looked at.
  const at = chance.is(0.1) ? 0 : request.indexOf(' ') + chance.below(100)
  return Buffer.concat([request.subarray(0, at), mutate(chance, request.subarray(at), [request, body])])
}

/** Returns the status of the first final answer, or what came instead. */
function ask(port: number, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let said = ''
    let beginning: NodeJS.Timeout | null = null
    const late = setTimeout(() => {
      socket.destroy()
      reject(new Error(`no answer: ${request.toString('latin1').slice(0, 500)}`))
    }, PATIENCE_MS + 30_000)
    const done = () => {
      clearTimeout(late)
      if (beginning !== null) clearTimeout(beginning)
      socket.destroy()
      resolve(statusOf(said))
    }
    socket.on('data', data => {
      if (said.length < 10_000) said += data.toString('latin1')
      beginning ??= setTimeout(done, BEGINNING_MS)
    })
    socket.on('error', () => undefined)
    socket.on('close', done)
    socket.write(request)
    // Half of a request is a request whose sender went.
    setTimeout(() => socket.end(), BEGINNING_MS)
  })
}

function statusOf(said: string): string {
  if (said === '') return 'none'
  const final = /^(?:HTTP\/1\.1 1\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)*HTTP\/1\.[01] (\d{3})( |\r)/.exec(
    said,
  )
  if (final !== null) return final[1]!
  return /^HTTP\/1\.1 1\d\d /.test(said) ? '1xx' : 'garbage'
}
