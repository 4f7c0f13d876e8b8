import { createServer, type Server } from 'node:https'
import { connect, createServer as createProxy } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Certified } from './certificate.ts'
import { ask, exchange, listenOnFreePort, makeAuthority, makeServer, openTls } from './fixture.ts'
import { answerPlainHttp } from './plain-http.ts'

const WITHIN_MS = 300
let authority: Certified
let server: Server
let port: number

beforeAll(async () => {
  authority = await makeAuthority()
  const { certificate: cert, key } = await makeServer(authority)
  server = createServer({ cert, key }, (request, response) => {
    let bytes = 0
    request.on('data', chunk => (bytes += chunk.length)).on('end', () => response.end(`secure ${bytes}`))
  })
  answerPlainHttp(server, () => authority.certificate, WITHIN_MS)
  port = await listenOnFreePort(server)
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const get = (path: string, host = `trestle.local:${port}`, more = '') =>
  exchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`)

describe('without TLS the HTTP port', () => {
  it('sends browsers to https, with all of the address', async () => {
    const answer = await get('/api/devices?x=1')
    expect(answer).toMatch(/^HTTP\/1\.1 308 /)
    expect(answer).toContain(`\r\nlocation: https://trestle.local:${port}/api/devices?x=1\r\n`)
    expect(await get('/', `[fd00::1]:${port}`)).toContain(`https://[fd00::1]:${port}/`)
  })

  it('hands out the certificate of the authority, and never its key', async () => {
    const { status, headers, body } = await ask(`http://127.0.0.1:${port}/ca.crt`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('application/x-x509-ca-cert')
    expect(body).toBe(authority.certificate)
    expect(body).not.toContain('PRIVATE')
  })

  it('tells programs what it speaks', async () => {
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    expect(await get('/live', undefined, upgrade)).toMatch(/^HTTP\/1\.1 426 [\s\S]*wss:\/\//)
    expect(await exchange(port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 426 /,
    )
  })

  it.each(['evil.example/x', 'a b', 'a@b', '', 'a\tb', 'ä'])(
    'follows no host that is none: %j',
    async host => {
      expect(await get('/', host)).toMatch(/^HTTP\/1\.1 4\d\d /)
    },
  )

  it.each(['', 'G', 'GET / HTTP/1.1\r\nHost: a\r\n', '\x10\x0c\x00\x04MQTT', '\0'.repeat(64)])(
    'gives nobody more than its time: %j',
    async bytes => {
      const startedMs = performance.now()
      await exchange(port, bytes)
      expect(performance.now() - startedMs).toBeLessThan(WITHIN_MS + 5000)
    },
  )

  it('takes a head of up to 8 KiB', async () => {
    expect(await get('/', undefined, `X: ${'x'.repeat(9000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
  })
})

describe('TLS on the same port', () => {
  it('is as ever, also for bodies larger than a packet and for those who take their time', async () => {
    expect(await ask(`https://localhost:${port}/`, { ca: authority.certificate })).toMatchObject({
      body: 'secure 0',
    })
    const socket = await openTls(port, { ca: authority.certificate })
    await sleep(2 * WITHIN_MS)
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\n`)
    socket.write('x'.repeat(1_000_000))
    let said = ''
    for await (const chunk of socket) said += chunk
    expect(said).toContain('secure 1000000')
  })

  it('comes through when its first bytes come one by one', async () => {
    // A proxy in between that cuts everything into single bytes.
    const proxy = createProxy(client => {
      const upstream = connect(port, '127.0.0.1').setNoDelay(true)
      client.on('data', async chunk => {
        client.pause()
        for (const byte of chunk.subarray(0, 50)) {
          upstream.write(Buffer.of(byte))
          await sleep(1)
        }
        upstream.write(chunk.subarray(50))
        client.resume()
      })
      upstream.pipe(client)
      for (const socket of [client, upstream]) socket.on('error', () => upstream.destroy())
    })
    const proxied = await listenOnFreePort(proxy)
    expect(await ask(`https://localhost:${proxied}/`, { ca: authority.certificate })).toMatchObject({
      body: 'secure 0',
    })
    proxy.close()
  })

  it('survives those who reset the connection at any moment', async () => {
    for (const bytes of ['', '\x16', '\x16\x03\x01\x02\x00\x01', 'GET /']) {
      for (let i = 0; i < 20; i++) {
        const socket = connect(port, '127.0.0.1', () => {
          if (bytes !== '') socket.write(bytes)
          socket.resetAndDestroy()
        })
        socket.on('error', () => undefined)
      }
    }
    expect(await ask(`https://localhost:${port}/`, { ca: authority.certificate })).toMatchObject({
      status: 200,
    })
  })
})
