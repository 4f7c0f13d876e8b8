/** The way to the broker: MQTT over a WebSocket of this page's own host, with a last will, connected anew by itself. */

import mqtt, { type MqttClient } from 'mqtt'
import { announcement } from './announcement.ts'
import type { Outbox } from './outbox.ts'
import { type SensorSettings, topicBase } from './settings.ts'
import { uplinkState } from './uplink-state.ts'

const KEEP_ALIVE_S = 15
const RETRY_MS = 1_500
const PUMP_MS = 100
/** Stopped, what waits gets so long to leave. */
const DRAIN_MS = 10_000
/** CONNACK: bad user name or password, not authorised [MQTT-3.2.2.3]. */
const REFUSALS = new Set([4, 5])

export interface Uplink {
  /** Says goodbye when what waits has left, if there is a way. */
  close(): Promise<void>
}

export function openUplink(settings: SensorSettings, password: string, outbox: Outbox): Uplink {
  const url = new URL('/mqtt', location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  const base = topicBase(settings)
  const availability = `${base}/availability`
  uplinkState.value = 'connecting'
  const client = mqtt.connect(url.href, {
    // Two tabs of one phone do not throw each other out; an account may use ids that begin with its name.
    clientId: `${settings.username || settings.id}-${crypto.getRandomValues(new Uint16Array(1))[0]!.toString(36)}`,
    ...(settings.username !== '' && { username: settings.username, password }),
    keepalive: KEEP_ALIVE_S,
    reconnectPeriod: RETRY_MS,
    // The other timer is a worker made from a blob, which the page's policy refuses.
    timerVariant: 'native',
    will: { topic: availability, payload: encode('offline'), qos: 1, retain: true },
  })
  client.on('connect', () => {
    uplinkState.value = 'open'
    greet(client, settings, availability)
  })
  client.on('close', () => {
    if (uplinkState.value !== 'refused') uplinkState.value = 'waiting'
  })
  client.on('error', error => {
    if (!REFUSALS.has((error as { readonly code?: number }).code ?? 0)) return
    uplinkState.value = 'refused'
    client.end(true)
  })
  const pump = () => {
    if (client.connected)
      outbox.pump(
        ({ topic, payload }) => client.publishAsync(topic, payload, { qos: 1 }),
        () => performance.now(),
      )
  }
  const timer = setInterval(pump, PUMP_MS)
  return {
    async close() {
      const lastMs = performance.now() + DRAIN_MS
      while (client.connected && outbox.waiting + outbox.underWay > 0 && performance.now() < lastMs)
        await new Promise(resolve => setTimeout(resolve, PUMP_MS))
      clearInterval(timer)
      // A will is for those who leave without a word.
      if (client.connected) await client.publishAsync(availability, 'offline', { qos: 1, retain: true })
      // Forced, it gives back what was under way, to wait for the next start.
      await client.endAsync(!client.connected)
    },
  }
}

function greet(client: MqttClient, settings: SensorSettings, availability: string): void {
  const { topic, payload } = announcement(settings)
  const options = { qos: 1, retain: true } as const
  // A refusal ends the connection, which says it already.
  void client.publishAsync(topic, payload, options).catch(() => undefined)
  void client.publishAsync(availability, 'online', options).catch(() => undefined)
}

const encode = (text: string) => new TextEncoder().encode(text) as Buffer
