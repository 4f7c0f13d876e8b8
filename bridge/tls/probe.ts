/**
 * Looks at an address as a browser or a device would, step by step, and goes on after a fault where it can: an expired
 * certificate of a wrong authority for another name is three lines.
 */

import { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { get } from 'node:https'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { checkExpiry } from './check-files.ts'
import { type Finding, well, wrong } from './findings.ts'
import { namesIn, serverName } from './names.ts'

export interface ProbeOptions {
  readonly url: URL
  /** PEM: whom to trust. */
  readonly ca: readonly string[]
  /** Of the page that would connect; unless given, the page of that address itself. */
  readonly origin?: string | undefined
  /** Name to ask for and to hold the certificate against, where it is not that of the URL. */
  readonly servername?: string | undefined
}

const WITHIN_MS = 5000
const PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'wss:': 443, 'mqtts:': 8883 }
/** Of those that are not encrypted. */
const INSTEAD: Readonly<Record<string, string>> = { 'http:': 'https', 'ws:': 'wss', 'mqtt:': 'mqtts' }
/** MQTT 3.1.1 CONNECT, clean, without a name: who listens answers with CONNACK, whatever it thinks of us. */
const CONNECT = Buffer.from('100c00044d5154540402000a0000', 'hex')
const CONNACK = 0x20

export async function probe(options: ProbeOptions): Promise<Finding[]> {
  const { protocol, host } = options.url
  const secure = INSTEAD[protocol]
  if (secure !== undefined)
    return [wrong('url', `${protocol}//${host} is not encrypted: ${secure}://${host} is`)]
  if (PORTS[protocol] === undefined)
    return [wrong('url', `${protocol} is not looked at: https://, wss:// and mqtts:// are`)]
  const place = placeOf(options)
  if (!(await isKnown(place.host)))
    return [
      wrong(
        'name',
        `${place.host} leads to no address from here: is it in the DNS of the house, or does it end in .local?`,
      ),
    ]
  const reached = await openTcp(place)
  if (!reached.ok) return [reached.finding]
  const shaken = await shakeHands(reached.socket, options, place)
  if (!shaken.ok) return [shaken.finding]
  const findings = [
    well('port', `${place.host}:${place.port} speaks ${shaken.socket.getProtocol()}`),
    ...judge(shaken.socket, place, options.ca),
  ]
  if (protocol === 'mqtts:') return [...findings, await askMqtt(shaken.socket, place)]
  shaken.socket.destroy()
  return [...findings, ...(await askPaths(options, place))]
}

interface Place {
  readonly host: string
  readonly port: number
  readonly servername: string
}

function placeOf({ url, servername }: ProbeOptions): Place {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { host, port: Number(url.port) || PORTS[url.protocol]!, servername: servername ?? host }
}

type Reached<S> =
  | { readonly ok: true; readonly socket: S }
  | { readonly ok: false; readonly finding: Finding }

/** A resolver that does not answer says as little as one that does not know. */
function isKnown(host: string): Promise<boolean> {
  const found = lookup(host).then(
    () => true,
    () => false,
  )
  return Promise.race([found, sleep(WITHIN_MS, false, { ref: false })])
}

async function openTcp({ host, port }: Place): Promise<Reached<Socket>> {
  const socket = connectTcp({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(WITHIN_MS) })
    return { ok: true, socket }
  } catch (error) {
    socket.destroy()
    return { ok: false, finding: unreachable(error as NodeJS.ErrnoException, { host, port }) }
  }
}

function unreachable(
  { code, name, message }: NodeJS.ErrnoException,
  { host, port }: Omit<Place, 'servername'>,
): Finding {
  if (code === 'ECONNREFUSED')
    return wrong(
      'port',
      `nothing listens on ${host}:${port}: does the bridge run, and is it 8080 for the page and 8883 for MQTT?`,
    )
  return name === 'AbortError' || name === 'TimeoutError'
    ? wrong('port', `${host}:${port} does not answer: is the address right, and no firewall in between?`)
    : wrong('port', `${host}:${port}: ${message}`)
}

async function shakeHands(below: Socket, { ca }: ProbeOptions, place: Place): Promise<Reached<TLSSocket>> {
  const { host, port, servername } = place
  const socket = connectTls({
    socket: below,
    ca: [...ca],
    rejectUnauthorized: false,
    servername: serverName(servername),
    checkServerIdentity: () => undefined,
  })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(WITHIN_MS) })
    return { ok: true, socket }
  } catch (error) {
    socket.destroy()
    const spoken = await whatIsSpoken(place)
    return {
      ok: false,
      finding: wrong(
        'port',
        spoken === null
          ? `${host}:${port} takes no TLS: ${(error as Error).message}`
          : `${host}:${port} speaks ${spoken} without TLS: is there a certificate, and was the bridge started anew after trestle tls init?`,
      ),
    }
  }
}

/** Null: neither HTTP nor MQTT. */
async function whatIsSpoken(place: Place): Promise<'HTTP' | 'MQTT' | null> {
  if ((await firstByte(place, Buffer.from('GET /healthz HTTP/1.0\r\n\r\n'))) === 'H'.charCodeAt(0))
    return 'HTTP'
  return (await firstByte(place, CONNECT)) === CONNACK ? 'MQTT' : null
}

/** Of the answer to these bytes; null: there was none. */
async function firstByte(place: Place, bytes: Buffer): Promise<number | null> {
  const reached = await openTcp(place)
  if (!reached.ok) return null
  reached.socket.write(bytes)
  return answerOf(reached.socket)
}

/** First byte of what comes next; null: it closes, fails or takes too long. */
function answerOf(socket: Socket): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const timer = setTimeout(() => socket.destroy(), WITHIN_MS)
  socket.once('data', (answer: Buffer) => {
    resolve(answer[0]!)
    socket.destroy()
  })
  socket.once('close', () => {
    clearTimeout(timer)
    resolve(null)
  })
  socket.on('error', () => socket.destroy())
  return promise
}

/** The certificate that was shown, held against the name, the time and those who are trusted. */
function judge(socket: TLSSocket, { servername }: Place, ca: readonly string[]): Finding[] {
  const shown = socket.getPeerX509Certificate()!
  const isFor =
    (isIP(servername) === 0
      ? shown.checkHost(servername, { subject: 'never' })
      : shown.checkIP(servername)) !== undefined
  const { dns, ip } = namesIn(shown)
  return [
    isFor
      ? well('name', `the certificate is for ${servername}`)
      : wrong(
          'name',
          `the certificate is for ${[...dns, ...ip].join(', ') || 'nobody'}, not for ${servername}: trestle tls renew --host ${servername} adds it`,
        ),
    checkExpiry(shown, 'trestle tls renew, or its like where it came from'),
    checkTrust(shown, socket, ca),
  ]
}

/** OpenSSL tells one fault of many; what is about time is told elsewhere, so that here the signer is looked at. */
function checkTrust(shown: X509Certificate, socket: TLSSocket, ca: readonly string[]): Finding {
  // Node's types say Error, and it is the code.
  const code = String(socket.authorizationError ?? '')
  const signer = shown.issuer.replaceAll('\n', ', ')
  if (socket.authorized) return well('ca', `"${signer}" is trusted here`)
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code) && isSignedByAny(shown, ca))
    return well('ca', `"${signer}" is trusted here`)
  if (code === 'UNSPECIFIED')
    return wrong('ca', `"${signer}" may not vouch for all of these names: trestle tls renew without them`)
  if (shown.subject === shown.issuer)
    return wrong('ca', 'the certificate has signed itself: trestle tls init makes one that can be trusted')
  return wrong(
    'ca',
    `"${signer}" is neither trusted here nor sent along by the server: --cafile names its certificate, which Trestle hands out as /ca.crt; a certificate of others needs those in between behind it in its file`,
  )
}

function isSignedByAny(shown: X509Certificate, ca: readonly string[]): boolean {
  return ca.some(pem => {
    const authority = new X509Certificate(pem)
    return shown.checkIssued(authority) && shown.verify(authority.publicKey)
  })
}

async function askMqtt(socket: TLSSocket, { host, port }: Place): Promise<Finding> {
  socket.write(CONNECT)
  return (await answerOf(socket)) === CONNACK
    ? well('path', `${host}:${port} answers as MQTT does`)
    : wrong(
        'path',
        `${host}:${port} does not answer as MQTT does: is it the port of the page, where MQTT is at wss://…/mqtt?`,
      )
}

const SUB_PROTOCOLS: Readonly<Record<string, string>> = { '/live': 'trestle.live.v1', '/mqtt': 'mqtt' }

async function askPaths(options: ProbeOptions, place: Place): Promise<Finding[]> {
  const { url } = options
  const origin = options.origin ?? `https://${url.host}`
  const named = url.pathname === '/' ? [] : [url.pathname]
  const findings = named.length > 0 ? [] : [await askHealth(url, place)]
  if (findings.some(({ isWell }) => !isWell)) return findings
  for (const path of named.length > 0 ? named : Object.keys(SUB_PROTOCOLS)) {
    const status = await upgrade(new URL(path, url), origin)
    findings.push(judgePath(path, status, origin))
  }
  return findings
}

async function askHealth(url: URL, { servername }: Place): Promise<Finding> {
  const { promise, resolve } = Promise.withResolvers<number | string>()
  const options = {
    agent: false,
    rejectUnauthorized: false,
    servername: serverName(servername),
    timeout: WITHIN_MS,
  }
  const request = get(new URL('/healthz', url.href.replace(/^wss:/, 'https:')), options, response => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  request
    .on('timeout', () => request.destroy(new Error('no answer')))
    .on('error', error => resolve(error.message))
  const status = await promise
  if (status === 200) return well('path', `Trestle answers at https://${url.host}/`)
  return status === 421
    ? wrong(
        'name',
        `the bridge listens on loopback, and does not go by ${url.host}: http.hosts names what else it goes by`,
      )
    : wrong('path', `https://${url.host}/healthz: ${status}; what answers there is not Trestle`)
}

/** Status of the answer, or what went wrong instead. */
function upgrade(url: URL, origin: string): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>()
  const socket = new WebSocket(url.href.replace(/^https:/, 'wss:'), SUB_PROTOCOLS[url.pathname] ?? [], {
    origin,
    rejectUnauthorized: false,
    handshakeTimeout: WITHIN_MS,
  })
  socket.once('open', () => resolve(101))
  socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
  socket.on('error', error => resolve(error.message))
  return promise.finally(() => socket.terminate())
}

function judgePath(path: string, status: number | string, origin: string): Finding {
  switch (status) {
    case 101:
      return well('path', `${path} takes WebSockets, also those of a page from ${origin}`)
    case 403:
      return wrong('origin', `a page from ${origin} may not use ${path}: http.origins names who may`)
    case 404:
      return wrong(
        'path',
        `there is no ${path}: dashboards use /live, devices use /mqtt, unless MQTT_URL names another broker`,
      )
    default:
      return wrong('path', `${path}: ${status}`)
  }
}
