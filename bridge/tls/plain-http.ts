/**
 * What the HTTP port says to those who come without TLS: browsers that were given a bare address, and phones that fetch
 * the authority before they can trust anything. Whoever can be, is sent to https.
 *
 * The first byte tells them apart: a TLS handshake begins with 22, no HTTP request does.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Server as SecureServer } from 'node:tls'
import { AUTHORITY_PATH, AUTHORITY_TYPE, type AuthorityFile, NO_AUTHORITY } from './authority-file.ts'

const TLS_HANDSHAKE = 22
/** For the first byte, and for everything that is said without TLS. */
const WITHIN_MS = 10_000
const MAX_HEAD_BYTES = 8192
/** What may stand in `Location`: the header is the client's own word. */
const HOST = /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i

/** Takes over how connections come in; TLS goes on as before. */
export function answerPlainHttp(server: SecureServer, authority: AuthorityFile, withinMs = WITHIN_MS): void {
  const plain = createServer({ maxHeaderSize: MAX_HEAD_BYTES }, (request, response) =>
    answer(request, response, authority),
  )
  const begin = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), withinMs)
    const drop = () => socket.destroy()
    socket.once('close', () => clearTimeout(timer)).once('error', drop)
    socket.once('readable', () => {
      const first: Buffer | null = socket.read(1)
      if (first === null) return socket.destroy()
      socket.unshift(first)
      if (first[0] !== TLS_HANDSHAKE) return plain.emit('connection', socket)
      // From here on the handshake has a time-out of its own.
      clearTimeout(timer)
      socket.off('error', drop)
      for (const listener of begin) listener.call(server, socket)
    })
  })
}

function answer(request: IncomingMessage, response: ServerResponse, authority: AuthorityFile): void {
  const { method, url = '/', headers } = request
  const isReading = method === 'GET' || method === 'HEAD'
  // Whoever asks for an upgrade is a program that follows nothing, and has to be told.
  const mayFollow =
    isReading && headers.upgrade === undefined && HOST.test(headers.host ?? '') && url.startsWith('/')
  response.setHeader('connection', 'close')
  if (isReading && url === AUTHORITY_PATH) {
    const pem = authority()
    response.writeHead(pem === null ? 404 : 200, {
      'content-type': pem === null ? 'text/plain' : AUTHORITY_TYPE,
    })
    response.end(pem ?? NO_AUTHORITY)
  } else if (mayFollow) {
    response.writeHead(308, { location: `https://${headers.host}${url}` }).end()
  } else {
    response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'TLS/1.2, HTTP/1.1' })
    response.end('this port speaks TLS: https:// and wss://, not http:// and ws://\n')
  }
}
