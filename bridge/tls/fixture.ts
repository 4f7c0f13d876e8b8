/** For the tests: certificates as somebody else would make them, and clients that say what they saw. */

import { once } from 'node:events'
import { request as requestPlain } from 'node:http'
import { request as requestSecure } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type Certified, certify } from './certificate.ts'
import type { Names } from './names.ts'

/** Names of the machine that runs the tests. */
export const HERE: Names = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] }

export function makeAuthority(commonName = 'somebody'): Promise<Certified> {
  return certify({ commonName, purpose: { kind: 'authority', permitted: null }, days: 400, issuer: null })
}

export function makeServer(issuer: Certified, names = HERE, days = 90): Promise<Certified> {
  return certify({ commonName: 'localhost', purpose: { kind: 'server', names }, days, issuer })
}

export async function listenOnFreePort(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Resolves when the handshake is done; rejects with what TLS has against it. */
export async function openTls(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ...options })
  await once(socket, 'secureConnect')
  return socket
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Over https when there is a `ca`. */
export function ask(
  url: string,
  options: { ca?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const request = url.startsWith('https:') ? requestSecure : requestPlain
  request(url, { agent: false, ...options }, async response => {
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body: await text(response) })
  })
    .on('error', reject)
    .end()
  return promise
}

/** What comes back for these bytes until the other side closes. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}
