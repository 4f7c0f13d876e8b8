/** Where devices find the broker: this page's own host, and the port that MQTT uses unless told otherwise. */

import { signal } from '@preact/signals'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
  /** Whether the bridge told the port; else it is the usual one. */
  readonly isTold: boolean
}

const host = location.hostname.replace(/^127\.0\.0\.1$/, 'localhost')

export const brokerAddress = signal<BrokerAddress>({ host, port: 1883, isTold: false })
