/** Where the broker and the page are reached, as far as the settings tell. */

import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { isLoopback } from '../../broker/guard/addresses.ts'
import { isLocalHost } from '../config/config.ts'
import type { Settings } from '../config/schema.ts'
import { inUrl, isEverywhere } from '../hosts.ts'
import { tlsFiles } from '../tls/files.ts'
import { namesIn } from '../tls/names.ts'

export interface Place {
  readonly host: string
  /** Of MQTT: with TLS where that is configured. */
  readonly port: number
  readonly tls: boolean
  /** Of the authority's certificate; null: the system knows it, or there is no TLS. */
  readonly ca: string | null
  /** Of the page. */
  readonly url: string
  /** From this machine alone. */
  readonly isLocal: boolean
}

export function brokerPlace({ host, mqtt, mqtts, http, tls, dataDir }: Settings): Place {
  const { server, authority } = tlsFiles(dataDir)
  const isOwn = tls.cert === undefined && existsSync(server.cert)
  const cert = tls.cert ?? (isOwn ? server.cert : null)
  const isLocal = isLocalHost(host)
  const name = nameOf(cert === null ? (mqtt.host ?? host) : host, cert)
  const page = nameOf(host, cert)
  return {
    host: name,
    port: cert === null ? mqtt.port : mqtts.port,
    tls: cert !== null,
    ca: isOwn && existsSync(authority.cert) ? authority.cert : null,
    url: `${cert === null ? 'http' : 'https'}://${inUrl(page)}:${http.port}/`,
    isLocal,
  }
}

function nameOf(host: string, cert: string | null): string {
  return isEverywhere(host) ? (nameIn(cert) ?? lanAddress() ?? 'localhost') : host
}

/** One that others in the house can use. */
function nameIn(cert: string | null): string | null {
  if (cert === null) return null
  try {
    const { dns, ip } = namesIn(new X509Certificate(readFileSync(cert)))
    return (
      dns.find(name => name !== 'localhost' && !name.startsWith('*')) ??
      ip.find(address => !isLoopback(address)) ??
      null
    )
  } catch {
    // Not readable for us: the bridge will say so.
    return null
  }
}

function lanAddress(): string | null {
  const addresses = Object.values(networkInterfaces()).flatMap(found => found ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null
}
