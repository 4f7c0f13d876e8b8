/**
 * The certificate that the ports show, and its successors: files are looked at every few seconds, and what is new is
 * tried out before it is used. A broken pair leaves the old one in place. Connections that stand are not touched.
 */

import { constants } from 'node:crypto'
import { existsSync, unwatchFile, watchFile } from 'node:fs'
import type { SecureContextOptions, TlsOptions, Server as TlsServer } from 'node:tls'
import type { ListenerTls } from '../../broker/listeners.ts'
import type { Settings } from '../config/schema.ts'
import { SetupError } from '../data-directory.ts'
import type { Logger } from '../log.ts'
import type { MetricSource } from '../metrics.ts'
import { type PairPaths, tlsFiles } from './files.ts'
import { CertificateError, type Pair, parseChain, readFile, readPair } from './pair.ts'
import { answerPlainHttp } from './plain-http.ts'

export interface TlsPaths extends PairPaths {
  /** Whoever shows a certificate that this one signed is known by its name; null: certificates say nothing. */
  readonly clientCa: string | null
  /** Ours comes with the first device that gets a certificate; one that somebody named has to be there. */
  readonly mayComeLater: boolean
  /** Our own authority, whose certificate is for everybody; null: the server's is somebody else's. */
  readonly authority: string | null
}

/** Null: there is no certificate, and no TLS. */
export function tlsPaths({ tls, dataDir }: Settings): TlsPaths | null {
  const own = tlsFiles(dataDir)
  const forClients = {
    clientCa: tls.clientCa ?? own.deviceAuthority.cert,
    mayComeLater: tls.clientCa === undefined,
  }
  if (tls.cert !== undefined && tls.key !== undefined)
    return { cert: tls.cert, key: tls.key, ...forClients, authority: null }
  return existsSync(own.server.cert) && existsSync(own.server.key)
    ? { ...own.server, ...forClients, authority: own.authority.cert }
    : null
}

/** By looking, not by being told: that works on every file system, and for files behind links. */
const LOOK_EVERY_MS = 5000
const HANDSHAKE_TIMEOUT_MS = 10_000
const DAY_MS = 86_400_000
const WARN_BEFORE_MS = 30 * DAY_MS

/** For TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

export interface ServedOptions {
  readonly paths: TlsPaths
  readonly log: Logger
  readonly lookEveryMs?: number
  readonly handshakeTimeoutMs?: number
}

export class ServedCertificate {
  readonly #options: ServedOptions
  readonly #servers: { readonly server: TlsServer; readonly context: () => SecureContextOptions }[] = []
  readonly #reminder: NodeJS.Timeout
  readonly #look = () => this.reload()
  readonly #stats = { reloads: 0, failures: 0 }
  #pair: Pair
  #clientCa: string | null
  #authority: string | null

  /** Throws a SetupError when the files cannot be used. */
  constructor(options: ServedOptions) {
    this.#options = options
    const { paths, lookEveryMs = LOOK_EVERY_MS } = options
    try {
      this.#pair = readPair(paths)
      this.#clientCa = readClientCa(paths)
      this.#authority = readAuthority(paths)
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      throw new SetupError(`tls: ${error.message}`, { cause: error })
    }
    for (const path of this.#watched())
      watchFile(path, { interval: lookEveryMs, persistent: false }, this.#look)
    this.#remind()
    this.#reminder = setInterval(() => this.#remind(), DAY_MS).unref()
  }

  /** For the HTTP port: browsers are not asked for a certificate, as they would ask their people for one. */
  get forHttp(): ListenerTls {
    const context = () => this.#context()
    return {
      options: this.#serverOptions(context()),
      serve: server => {
        this.#adopt(server, context)
        answerPlainHttp(server, () => this.#authority)
      },
    }
  }

  /** For MQTT: devices may show a certificate of theirs; what it is worth is for the broker to say. */
  get forMqtt(): ListenerTls {
    // An empty list: without one, everything that the public authorities ever signed would count.
    const context = () => ({ ...this.#context(), ca: this.#clientCa ?? [] })
    return {
      options: { ...this.#serverOptions(context()), requestCert: true, rejectUnauthorized: false },
      serve: server => this.#adopt(server, context),
    }
  }

  /** PEM, for everybody; null: the certificate is not of our own making. */
  get authority(): string | null {
    return this.#authority
  }

  /** Reads the files again; what cannot be used is logged, and leaves everything as it is. */
  reload(): void {
    const { paths, log } = this.#options
    try {
      const pair = readPair(paths)
      const clientCa = readClientCa(paths)
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key && clientCa === this.#clientCa) return
      if (pair.expiresMs < Date.now() && pair.expiresMs < this.#pair.expiresMs)
        throw new CertificateError('expiry', `${paths.cert}: it has expired on ${pair.leaf.validTo}`)
      const authority = readAuthority(paths)
      this.#pair = pair
      this.#clientCa = clientCa
      this.#authority = authority
      for (const { server, context } of this.#servers) server.setSecureContext(context())
      this.#stats.reloads++
      log.info(
        { validTo: pair.leaf.validTo, fingerprint256: pair.leaf.fingerprint256 },
        'tls: a new certificate is in use',
      )
      this.#remind()
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error
      this.#stats.failures++
      log.warn({ reason: error.message }, 'tls: the new certificate cannot be used; the old one stays')
    }
  }

  get metrics(): MetricSource[] {
    return [
      {
        name: 'tls_certificate_seconds_left',
        help: 'Until the certificate expires; negative: it has',
        read: () => Math.round((this.#pair.expiresMs - Date.now()) / 1000),
      },
      { name: 'tls_reloads_total', help: 'New certificates taken into use', read: () => this.#stats.reloads },
      {
        name: 'tls_reload_failures_total',
        help: 'New certificates that could not be used',
        read: () => this.#stats.failures,
      },
    ]
  }

  close(): void {
    clearInterval(this.#reminder)
    for (const path of this.#watched()) unwatchFile(path, this.#look)
  }

  #adopt(server: TlsServer, context: () => SecureContextOptions): void {
    this.#servers.push({ server, context })
    // Node leaves a connection open whose handshake failed or took too long.
    server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  #watched(): string[] {
    const { cert, key, clientCa } = this.#options.paths
    return clientCa === null ? [cert, key] : [cert, key, clientCa]
  }

  #context(): SecureContextOptions {
    return {
      cert: this.#pair.cert,
      key: this.#pair.key,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      honorCipherOrder: true,
      // A client that negotiates again and again costs the server more than itself; TLS 1.3 has no such thing.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    }
  }

  #serverOptions(context: SecureContextOptions): TlsOptions {
    return { ...context, handshakeTimeout: this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS }
  }

  #remind(): void {
    const { paths, log } = this.#options
    const leftMs = this.#pair.expiresMs - Date.now()
    if (leftMs > WARN_BEFORE_MS) return
    const what = leftMs < 0 ? 'has expired' : `expires in ${Math.floor(leftMs / DAY_MS)} days`
    const how = paths.authority === null ? '' : ': trestle tls renew makes the next one'
    log.warn({ cert: paths.cert, validTo: this.#pair.leaf.validTo }, `tls: the certificate ${what}${how}`)
  }
}

/** The certificate and nothing else, whatever somebody put into the file. */
function readAuthority({ authority }: TlsPaths): string | null {
  if (authority === null || !existsSync(authority)) return null
  return parseChain(readFile(authority), authority)[0]!.toString()
}

function readClientCa({ clientCa, mayComeLater }: TlsPaths): string | null {
  if (clientCa === null || (mayComeLater && !existsSync(clientCa))) return null
  const pem = readFile(clientCa)
  parseChain(pem, clientCa)
  return pem
}
