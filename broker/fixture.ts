/** For tests: a broker on a port of its own, with real clients. */

import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Access, AccessOf, Authenticate } from './access.ts'
import { Broker, type BrokerOptions } from './broker.ts'
import type { Delivery } from './delivery.ts'
import type { Mqtt5Settings } from './front/parts.ts'
import type { GuardLimits } from './guard/limits.ts'
import { listenTcp, type TcpOptions } from './listeners.ts'
import { answerLate, persistenceOptions, QUIET } from './persistence/fixture.ts'
import type { SessionLimits } from './persistence/room.ts'
import { SqlitePersistence } from './persistence/sqlite-persistence.ts'
import { seeded } from './seeded.ts'

export interface TestBroker {
  readonly broker: Broker
  readonly port: number
  readonly accepted: Delivery[]
  close(): Promise<void>
}

export interface TestBrokerOptions {
  readonly directory: string
  /** The persistence takes 1-20 ms for every answer. */
  readonly isLate?: boolean
  readonly sessions?: Partial<SessionLimits>
  readonly retained?: { readonly maxMessages?: number; readonly maxBytes?: number }
  readonly accept?: BrokerOptions['accept']
  readonly idleTimeoutMs?: number
  readonly limits?: Partial<GuardLimits>
  readonly trustedProxies?: readonly string[]
  readonly mqtt5?: BrokerOptions['mqtt5']
  readonly listener?: Partial<TcpOptions>
  readonly maxWaitingPerClient?: number
  /** Access is open unless given. */
  readonly refuse?: BrokerOptions['refuse']
  readonly repeat?: BrokerOptions['repeat']
  readonly authenticate?: Authenticate
  readonly accessOf?: AccessOf
}

/** As the settings have them by default. */
export const LIMITS: GuardLimits = {
  maxConnectBytes: 16 * 1024,
  maxPacketBytes: 2 * 1024 ** 2,
  maxConnections: 16_000,
  maxConnectionsPerAddress: 1000,
  maxSilent: 5000,
  connectsPerSecond: 1000,
  connectTimeoutMs: 10_000,
  authenticateTimeoutMs: 10_000,
  idleTimeoutMs: 6 * 3_600_000,
  packetsPerSecond: 5000,
  bytesPerSecond: 16 * 1024 ** 2,
  maxFiltersPerSubscribe: 512,
  maxSubscriptionsPerClient: 5000,
  maxSubscriptions: 200_000,
  maxInflight: 1000,
  maxTopicBytes: 1024,
  maxTopicLevels: 32,
}

export const MQTT5: Mqtt5Settings = {
  sessionExpiryMs: 7 * 86_400_000,
  inboundTopicAliases: 64,
  outboundTopicAliases: 16,
}

/** Where everybody is let in. */
export const OPEN: Access = {
  identity: null,
  isConfined: false,
  mayUse: () => true,
  mayPublish: () => true,
  maySubscribe: () => true,
  mayReceive: () => true,
}

export async function startBroker({
  directory,
  isLate = false,
  sessions,
  retained,
  accept,
  idleTimeoutMs = 60_000,
  limits = {},
  trustedProxies = [],
  mqtt5 = MQTT5,
  listener: listenerOptions = {},
  maxWaitingPerClient = 10_000,
  refuse = () => undefined,
  repeat = () => null,
  authenticate = async () => ({ ok: true, access: OPEN }),
  accessOf = () => OPEN,
}: TestBrokerOptions): Promise<TestBroker> {
  const accepted: Delivery[] = []
  const persistence = new SqlitePersistence(persistenceOptions(directory, sessions, retained))
  const broker = await Broker.start({
    accept:
      accept ??
      (delivery => {
        accepted.push(delivery)
        return delivery.qos === 0 ? null : Promise.resolve()
      }),
    refuse,
    repeat,
    authenticate,
    accessOf,
    persistence: isLate ? answerLate(persistence, seeded(7)) : persistence,
    limits: { ...LIMITS, idleTimeoutMs, ...limits },
    trustedProxies,
    mqtt5,
    maxWaitingPerClient,
    log: QUIET,
  })
  const listener = await listenTcp(broker, { host: '127.0.0.1', port: 0, tls: null, ...listenerOptions })
  return {
    broker,
    port: listener.port,
    accepted,
    async close() {
      listener.stop()
      await broker.close()
      listener.close()
    },
  }
}

export interface Listener {
  readonly client: MqttClient
  /** `topic payload` of what came, in order. */
  readonly heard: string[]
  readonly packets: {
    readonly topic: string
    readonly qos: number
    readonly dup: boolean
    readonly retain: boolean
  }[]
  /** Resolves when so many have come. */
  count(messages: number): Promise<void>
}

/** Resolves once connected. */
export async function listener(port: number, options: IClientOptions = {}): Promise<Listener> {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    protocolVersion: 4,
    reconnectPeriod: 0,
    ...options,
  })
  client.on('error', () => undefined)
  const heard: string[] = []
  const packets: Listener['packets'] = []
  let wake: () => void = () => undefined
  client.on('message', (topic, payload, { qos, dup, retain }) => {
    heard.push(`${topic} ${payload}`)
    packets.push({ topic, qos, dup, retain })
    wake()
  })
  await new Promise<void>(resolve => client.once('connect', () => resolve()))
  return {
    client,
    heard,
    packets,
    async count(messages) {
      while (heard.length < messages) await new Promise<void>(resolve => (wake = resolve))
    },
  }
}

/** A client whose session outlives its connection. */
export function sleeper(port: number, clientId: string, options: IClientOptions = {}): Promise<Listener> {
  return listener(port, { clientId, clean: false, ...options })
}

export async function send(
  port: number,
  messages: readonly [string, string][],
  qos: 0 | 1 | 2 = 1,
  retain = false,
): Promise<void> {
  const { client } = await listener(port)
  await Promise.all(messages.map(([topic, payload]) => client.publishAsync(topic, payload, { qos, retain })))
  await client.endAsync()
}

/** Looks again and again. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(2)
}
