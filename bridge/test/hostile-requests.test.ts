/** What strangers and their pages try over HTTP, against the real bridge. */

import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from './load.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle({ env: { TRESTLE_HTTP__ORIGINS: 'https://dash.example' } })
})
afterAll(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

/** Sends bytes as they are; resolves with all that came when the other side ended it. */
function raw(bytes: string | Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  const socket = connectTcp(trestle.http, '127.0.0.1', () => socket.write(bytes))
  socket.on('data', chunk => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
  return promise
}

const request = (path: string, method = 'GET') =>
  raw(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\nConnection: close\r\n\r\n`)
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

/** Ways up, and the places to get to from there: 60 of them. */
const TRAVERSALS = [
  ...[
    '../',
    '..%2f',
    '%2e%2e/',
    '%2e%2e%2f',
    '.%2e/',
    '..%5c',
    '..\\',
    '%252e%252e%252f',
    '..%c0%af',
    '....//',
  ].flatMap(up =>
    ['package.json', 'bridge/main.ts', 'etc/passwd'].map(
      target => `/${up.repeat(target === 'etc/passwd' ? 9 : 3)}${target}`,
    ),
  ),
  ...['../', '%2e%2e/', '..%2f', '%2e%2e%2f', '..%5c'].flatMap(up => [
    `/assets/${up.repeat(4)}package.json`,
    `/assets/${up}${up}index.html/${up}${up}${up}package.json`,
    `/api/${up.repeat(4)}package.json`,
  ]),
  '//etc/passwd',
  '///etc/passwd',
  '/%2fetc/passwd',
  '/%2f%2fetc%2fpasswd',
  '/file:///etc/passwd',
  '/C:/windows/win.ini',
  '/\\etc\\passwd',
  '/package.json%00.js',
  '/index.html%00',
  '/%00',
  '/assets/%00/../../package.json',
  '/..;/package.json',
  '/.git/config',
  '/.env',
  '/./././../package.json',
]

describe('paths', () => {
  it('60 of them', () => expect(TRAVERSALS).toHaveLength(60))

  it('that lead out of the page lead nowhere', async () => {
    for (const path of TRAVERSALS) {
      const answer = await request(path)
      expect([400, 404], path).toContain(statusOf(answer))
      expect(answer, path).not.toMatch(/"trestle"|root:|createBridge|\[core\]/)
    }
    expect(statusOf(await request('/healthz'))).toBe(200)
  }, 20_000)
})

const HOST_TRICKS = () => {
  const { http } = trestle
  return [
    'null',
    'https://evil.example',
    `http://evil.example:${http}`,
    `http://127.0.0.1:${http}.evil.example`,
    `http://127.0.0.1.evil.example:${http}`,
    `http://evil.example/127.0.0.1:${http}`,
    'http://127.0.0.1',
    `http://127.0.0.1:${http + 1}`,
    `http://localhost:${http}`,
    'https://dash.example.evil',
    'http://dash.example',
    'https://dash.example:444',
    'https://evil-dash.example',
    'file://',
    '',
  ]
}

describe('pages of other places', () => {
  it('connect to nothing: not /live, not /mqtt, not events, not poll, not the API', async () => {
    for (const origin of HOST_TRICKS()) {
      for (const [path, protocol] of [
        ['/live', 'trestle.live.v1'],
        ['/mqtt', 'mqtt'],
      ] as const) {
        const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}${path}`, protocol, {
          headers: { origin },
        })
        const error = await new Promise<Error>((resolve, reject) =>
          socket.once('error', resolve).once('open', () => reject(new Error(`${path} let ${origin} in`))),
        )
        expect(error.message, origin).toContain('403')
      }
      for (const path of ['/live/events', '/live/poll', '/api/ledger', '/metrics']) {
        const answer = await raw(
          `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`,
        )
        expect(statusOf(answer), `${path} ${origin}`).toBe(403)
        expect(answer).toContain('foreign-origin')
        expect(answer).not.toMatch(/access-control/i)
      }
    }
  }, 20_000)

  it('that were named, and our own, do', async () => {
    for (const origin of ['https://dash.example', `http://127.0.0.1:${trestle.http}`]) {
      const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`, [], { headers: { origin } })
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
      socket.close()
      const response = await fetch(`${trestle.url}/api/ledger`, { headers: { origin } })
      expect(response.status).toBe(200)
      await response.body?.cancel()
    }
  })

  it('learn of nothing by the headers for sharing: no star, no echo, no credentials', async () => {
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      for (const path of [
        '/api/ledger',
        '/api/login',
        '/api/devices/x/commands',
        '/live/poll',
        '/metrics',
        '/',
      ]) {
        for (const origin of [...HOST_TRICKS(), `http://127.0.0.1:${trestle.http}`]) {
          const preflight =
            'Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type'
          const answer = await raw(
            `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\nOrigin: ${origin}\r\n${preflight}\r\nConnection: close\r\n\r\n`,
          )
          expect(answer, `${method} ${path} ${origin}`).not.toMatch(/access-control-/i)
        }
      }
    }
    const invited = await fetch(`${trestle.url}/api/ledger`, { headers: { origin: 'https://dash.example' } })
    expect(Object.fromEntries(invited.headers)).toMatchObject({
      'access-control-allow-origin': 'https://dash.example',
      vary: expect.stringMatching(/origin/i),
    })
    expect(invited.headers.has('access-control-allow-credentials')).toBe(false)
    const preflight = await fetch(`${trestle.url}/api/devices/lamp`, {
      method: 'OPTIONS',
      headers: { origin: 'https://dash.example', 'access-control-request-method': 'DELETE' },
    })
    expect(preflight.headers.get('access-control-allow-methods')).toMatch(/DELETE/)
    await invited.body?.cancel()
    const events = await fetch(`${trestle.url}/live/events?stream=none`, {
      headers: { origin: 'https://dash.example' },
    })
    expect(events.headers.get('access-control-allow-origin')).toBe('https://dash.example')
    await events.body?.cancel()
  }, 20_000)

  it('cannot have a browser fetch something here for them, but may link here', async () => {
    const ask = async (path: string, site: string, mode: string) => {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': mode }
      const answer = await raw(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\n${Object.entries(headers)
          .map(([name, value]) => `${name}: ${value}`)
          .join('\r\n')}\r\nConnection: close\r\n\r\n`,
      )
      return statusOf(answer)
    }
    expect(await ask('/api/ledger', 'cross-site', 'no-cors')).toBe(403)
    expect(await ask('/api/ledger', 'same-site', 'no-cors')).toBe(403)
    expect(await ask('/', 'cross-site', 'navigate')).toBe(200)
    expect(await ask('/api/ledger', 'same-origin', 'cors')).toBe(200)
    expect(await ask('/api/ledger', 'none', 'navigate')).toBe(200)
  })
})

it('every answer carries what keeps a browser from mischief', async () => {
  for (const path of ['/', '/api/ledger', '/nothing', '/metrics', '/readyz']) {
    const { headers } = await fetch(trestle.url + path)
    const found = Object.fromEntries(headers)
    expect(found, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    const policy = found['content-security-policy']!
    for (const rule of [
      "default-src 'self'",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ])
      expect(policy).toContain(rule)
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(found['permissions-policy']).toContain('camera=()')
    expect(found).not.toHaveProperty('x-powered-by')
    expect(found).not.toHaveProperty('server')
  }
})

describe('requests that are too much', () => {
  const post = (path: string, body: string) =>
    fetch(trestle.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

  /** What still sends when it is refused may find the connection gone before it reads why. */
  async function statusOfRefused(path: string, body: string): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        return (await post(path, body)).status
      } catch (error) {
        if (tries === 10) throw error
      }
    }
  }

  it('a body is cut off at its bound, told or not', async () => {
    expect(await statusOfRefused('/api/explain', `{"topic":"a","payload":"${'x'.repeat(5e6)}"}`)).toBe(413)
    expect(await statusOfRefused('/api/devices/x/commands', `{"payload":"${'x'.repeat(3e5)}"}`)).toBe(413)
    expect(await statusOfRefused('/api/spool/replay', `{"since":"${'x'.repeat(1e4)}"}`)).toBe(413)
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const head = `POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`
    expect(statusOf(await raw(head + chunk.repeat(20)))).toBe(413)
  })

  it('deep nesting is refused before it is walked', async () => {
    const deep = `{"payload":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const response = await post('/api/devices/x/commands', deep)
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'bad-body'])
  })

  it.each([
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'],
    [
      'two lengths',
      'POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a long head', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['MQTT', '\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00'],
  ])('%s: refused, and the connection ends', async (_, bytes) => {
    expect([400, 421, 431]).toContain(statusOf(await raw(Buffer.from(bytes, 'latin1'))))
  })

  it('an upgrade with odd headers is refused or served, and nothing breaks', async () => {
    const upgrade = (headers: string) =>
      raw(
        `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${trestle.http}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n\r\n`,
      )
    const version = 'Sec-WebSocket-Version: 13'
    const key = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
    expect(statusOf(await upgrade(version))).toBe(400)
    expect(statusOf(await upgrade(`${key}\r\nSec-WebSocket-Version: 99`))).toBe(400)
    expect(statusOf(await upgrade(`${version}\r\nSec-WebSocket-Key: short`))).toBe(400)
    expect(
      statusOf(await upgrade(`${key}\r\n${version}\r\nSec-WebSocket-Protocol: ${'a,'.repeat(4000)}b`)),
    ).toBe(400)
    for (const name of ['constructor', '__proto__', 'permessage-deflate; constructor', 'toString']) {
      const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`, [], {
        headers: { 'sec-websocket-extensions': name },
        perMessageDeflate: false,
      })
      const first = await new Promise<string>(resolve =>
        socket.once('message', data => resolve(String(data))).once('error', error => resolve(error.message)),
      )
      expect(first, name).toMatch(/"op":"hello"|400/)
      socket.terminate()
    }
    expect(statusOf(await request('/healthz'))).toBe(200)
  })
})

it('a hundred wide questions of the history hold up no device', async () => {
  const device = connect(trestle.mqtt)
  const publish = async (n: number) => {
    const startMs = performance.now()
    await device.publishAsync('home/hall/thermo/state', `{"temperature":${n}}`, { qos: 1 })
    return performance.now() - startMs
  }
  for (let n = 0; n < 50; n++) await publish(n)
  await eventually(
    () => trestle.ledger(),
    ({ stored }) => stored >= 50,
  )
  const wide = '/api/history?device=thermo&field=temperature&from=0&points=10000'
  const questions = Array.from({ length: 100 }, (_, n) =>
    fetch(trestle.url + wide + (n % 2 === 0 ? '' : '&points=raw')).then(response =>
      response.text().then(() => response.status),
    ),
  )
  const tookMs: number[] = []
  for (let n = 0; n < 50; n++) tookMs.push(await publish(n))
  expect(new Set(await Promise.all(questions))).toEqual(new Set([200]))
  expect(tookMs.toSorted((a, b) => a - b)[48]).toBeLessThan(1000)
  await device.endAsync()
}, 30_000)

it('every refusal is counted by its code', async () => {
  const text = await (await fetch(`${trestle.url}/metrics`)).text()
  const counted = (code: string) =>
    Number(new RegExp(`^trestle_http_problems_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  for (const code of [
    'foreign-origin',
    'body-too-large',
    'bad-body',
    'not-found',
    'json-only',
    'unknown-host',
  ])
    expect(counted(code), code).toBeGreaterThan(0)
})
