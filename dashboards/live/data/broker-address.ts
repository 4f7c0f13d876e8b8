/** Where and how devices reach the broker: this page's own host, and what the bridge says of its ports. */

import { signal } from '@preact/signals'
import type { Readiness } from './api.ts'

export interface BrokerAddress {
  readonly host: string
  /** Of MQTT over TLS where there is a certificate; null: the bridge reads from another broker. */
  readonly port: number | null
  readonly isTls: boolean
  readonly needsCredentials: boolean
  /** Whether devices have to be given the certificate at `/ca.crt`. */
  readonly hasAuthority: boolean
  /** Whether the bridge told all this; else it is the usual. */
  readonly isTold: boolean
}

const host = globalThis.location?.hostname.replace(/^127\.0\.0\.1$/, 'localhost') ?? 'localhost'

export const brokerAddress = signal<BrokerAddress>({
  host,
  port: 1883,
  isTls: false,
  needsCredentials: false,
  hasAuthority: false,
  isTold: false,
})

/** Strangers are not told the ports; then what was known stays. */
export function noteAddress({ mqtt, mqtts, needsCredentials, hasAuthority }: Readiness): void {
  if (mqtt === undefined) return
  brokerAddress.value = {
    host,
    port: mqtts ?? mqtt,
    isTls: mqtts != null,
    needsCredentials: needsCredentials === true,
    hasAuthority: hasAuthority === true,
    isTold: true,
  }
}

export interface ConnectLines {
  readonly address: string
  /** What makes the device known; null: nobody needs to be. */
  readonly makeDevice: string | null
  readonly publish: string
  /** What makes the simulated house known, which speaks for its devices. */
  readonly makeHouse: string | null
  readonly simulate: string
}

const SECRET = 'SECRET'

/** Lines for a shell; `ca.crt` is what this page hands out. Null: the bridge reads from another broker. */
export function connectLines(of: BrokerAddress): ConnectLines | null {
  const { host, port, isTls, needsCredentials, hasAuthority } = of
  if (port === null) return null
  const place = placeOf(host, port, isTls)
  const ca = isTls && hasAuthority ? '--cafile ca.crt' : ''
  const isOfOthers = isTls && !hasAuthority
  const as = (id: string) => (needsCredentials ? `-u ${id} -P ${SECRET}` : '')
  const make = (device: string) => (needsCredentials ? `npm run trestle -- device add ${device}` : null)
  return {
    address: `${isTls ? 'mqtts' : 'mqtt'}://${host}:${port}`,
    makeDevice: make('thermo'),
    publish: line(
      'mosquitto_pub',
      ...place,
      ca,
      isOfOthers ? '--tls-use-os-certs' : '',
      as('thermo'),
      '-q 1 -t home/kitchen/thermo/temperature -m 21.5',
    ),
    makeHouse: make('house --gateway'),
    simulate: line(
      'npm run simulate -- home',
      ...(host === 'localhost' ? place.slice(1) : place),
      ca,
      isOfOthers ? '-l mqtts' : '',
      as('house'),
    ),
  }
}

/** What takes a retained message away: an empty one in its place. */
export function clearLine({ host, port, isTls, needsCredentials, hasAuthority }: BrokerAddress, topic: string): string {
  const clear = `-q 1 -r -n -t '${topic.replaceAll("'", "'\\''")}'`
  if (port === null) return line('mosquitto_pub', '-h BROKER', clear)
  const trust = hasAuthority ? '--cafile ca.crt' : '--tls-use-os-certs'
  const who = needsCredentials ? `-u USER -P ${SECRET}` : ''
  return line('mosquitto_pub', ...placeOf(host, port, isTls), isTls ? trust : '', who, clear)
}

function placeOf(host: string, port: number, isTls: boolean): readonly string[] {
  return [`-h ${host}`, !isTls && port === 1883 ? '' : `-p ${port}`]
}

function line(...words: readonly string[]): string {
  return words.filter(word => word !== '').join(' ')
}
