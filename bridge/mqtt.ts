/** Where messages come from: the embedded broker on ports of its own, or another broker that is read from. */

import { readFileSync } from 'node:fs'
import { Broker } from '../broker/broker.ts'
import type { Publication } from '../broker/delivery.ts'
import { ExternalBroker } from '../broker/external.ts'
import type { GuardLimits } from '../broker/guard/limits.ts'
import {
  acceptWebSockets,
  type ListenerTls,
  listenTcp,
  type MqttUpgrade,
  type TcpListener,
} from '../broker/listeners.ts'
import { SqlitePersistence } from '../broker/persistence/sqlite-persistence.ts'
import type { Settings } from './config/schema.ts'
import { type DataDirectory, SetupError } from './data-directory.ts'
import { hostState } from './decode/families/sparkplug.ts'
import type { Identities } from './identity/identities.ts'
import type { Logger } from './log.ts'
import type { MetricSource } from './metrics.ts'
import { embeddedMetrics, externalMetrics } from './mqtt-metrics.ts'
import type { Pipeline } from './pipeline.ts'
import { startStatus } from './sys-status.ts'

export interface Mqtt {
  readonly metrics: readonly MetricSource[]
  /** Devices can reach us now. */
  readonly isListening: boolean
  /** MQTT over WebSocket; null: not here. */
  readonly onUpgrade: MqttUpgrade['handle'] | null
  publish(publication: Publication): Promise<void>
  deliver(publication: Publication, withinMs: number): Promise<'delivered' | 'offline' | 'timeout'>
  /** Whether somebody listens there who answers requests as MQTT 5 has them; nobody knows of another broker's clients. */
  takesRequests(topic: string): boolean
  /** Opens the ports; null where there is none. Rejects with the error of `listen`, which names its port. */
  listen(): Promise<{ readonly mqtt: number | null; readonly mqtts: number | null }>
  /** Takes no more connections, or no more messages. */
  stop(): void
  /** After everything taken is on the disk. */
  close(): Promise<void>
}

export interface MqttParts {
  readonly settings: Settings
  readonly data: DataDirectory
  readonly tls: ListenerTls | null
  readonly pipeline: Pipeline
  readonly identities: Identities
  readonly log: Logger
}

/** Rejects with a SetupError when its file cannot be read. */
export function openMqtt(parts: MqttParts): Promise<Mqtt> {
  const { url } = parts.settings.mqtt
  return url === undefined ? openEmbedded(parts) : Promise.resolve(readFrom(url, parts))
}

async function openEmbedded({ settings, data, tls, pipeline, identities, log }: MqttParts): Promise<Mqtt> {
  const { host, mqtt, mqtts } = settings
  const isProxied = mqtt.proxyProtocol
  const persistence = new SqlitePersistence({ path: data.broker, ...limits(settings), log })
  const broker = await Broker.start({
    ...pipeline,
    authenticate: identities.authenticate,
    accessOf: identity => identities.accessOf(identity),
    persistence,
    maxWaitingPerClient: settings.spool.maxPendingPerClient,
    limits: guardLimits(settings),
    trustedProxies: settings.trustedProxies,
    mqtt5: mqtt5Settings(settings),
    log,
  })
  const review = () =>
    broker.review().catch(error => log.error({ err: error }, 'mqtt: a change of identities failed'))
  // Also of what changed while the bridge was off.
  await review()
  const stopWatching = identities.onChange(() => void review())
  const intervalMs = mqtt.sysInterval
  const stopStatus = intervalMs > 0 ? startStatus({ broker, persistence, intervalMs }) : null
  const webSockets = acceptWebSockets(broker)
  const listeners: TcpListener[] = []
  return {
    metrics: embeddedMetrics(broker),
    isListening: true,
    onUpgrade: webSockets.handle,
    publish: publication => broker.publish(publication),
    deliver: (publication, withinMs) => broker.deliver(publication, withinMs),
    takesRequests: topic => broker.takesRequests(topic),
    async listen() {
      const plain = await listenTcp(broker, {
        host: mqtt.host ?? host,
        port: mqtt.port,
        tls: null,
        isProxied,
      })
      listeners.push(plain)
      const secure = tls === null ? null : await listenTcp(broker, { host, port: mqtts.port, tls, isProxied })
      if (secure !== null) listeners.push(secure)
      return { mqtt: plain.port, mqtts: secure?.port ?? null }
    },
    stop() {
      for (const listener of listeners) listener.stop()
    },
    async close() {
      stopWatching()
      stopStatus?.()
      await broker.close()
      webSockets.close()
      for (const listener of listeners) listener.close()
    },
  }
}

function readFrom(url: string, { settings, data, pipeline, log }: MqttParts): Mqtt {
  const { topics, username, password, ca } = settings.mqtt
  const { hostId } = settings.sparkplug
  const broker = new ExternalBroker({
    url,
    // [MQTT-3.1.3-5]: 23 characters are the most that every broker takes.
    clientId: `trestle-${data.nodeId.slice(0, 15)}`,
    topics,
    username,
    password,
    ca: ca === undefined ? undefined : readCa(ca),
    will: hostId === undefined ? undefined : hostState(hostId, false, Date.now()),
    birth: hostId === undefined ? undefined : () => hostState(hostId, true, Date.now()),
    accept: pipeline.accept,
    recall: pipeline.recall,
    log,
  })
  return {
    metrics: externalMetrics(broker),
    get isListening() {
      return broker.isReading
    },
    onUpgrade: null,
    publish: publication => broker.publish(publication),
    deliver: (publication, withinMs) => broker.deliver(publication, withinMs),
    takesRequests: () => false,
    listen: async () => ({ mqtt: null, mqtts: null }),
    stop: () => broker.stop(),
    close: () => broker.close(),
  }
}

function readCa(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new SetupError(`mqtt.ca: ${(error as Error).message}`, { cause: error })
  }
}

function guardLimits({ mqtt }: Settings): GuardLimits {
  return {
    maxConnectBytes: mqtt.maxConnectBytes,
    maxPacketBytes: mqtt.maxPacketBytes,
    maxConnections: mqtt.maxConnections,
    maxConnectionsPerAddress: mqtt.maxConnectionsPerAddress,
    maxSilent: mqtt.maxSilent,
    connectsPerSecond: mqtt.connectsPerSecond,
    connectTimeoutMs: mqtt.connectTimeout,
    authenticateTimeoutMs: mqtt.authenticateTimeout,
    idleTimeoutMs: mqtt.idleTimeout,
    packetsPerSecond: mqtt.packetsPerSecond,
    bytesPerSecond: mqtt.bytesPerSecond,
    maxFiltersPerSubscribe: mqtt.subscriptions.maxPerPacket,
    maxSubscriptionsPerClient: mqtt.subscriptions.maxPerClient,
    maxSubscriptions: mqtt.subscriptions.max,
    maxInflight: mqtt.maxInflight,
    maxTopicBytes: mqtt.maxTopicBytes,
    maxTopicLevels: mqtt.maxTopicLevels,
  }
}

function mqtt5Settings({ mqtt: { version5, topicAliases, sessions } }: Settings) {
  if (!version5) return null
  return {
    sessionExpiryMs: sessions.expiry,
    inboundTopicAliases: topicAliases.fromClients,
    outboundTopicAliases: topicAliases.toClients,
  }
}

function limits({ mqtt: { sessions, retained } }: Settings) {
  return {
    retained,
    sessions: {
      maxSessions: sessions.max,
      expiryMs: sessions.expiry,
      maxQueuedMessages: sessions.maxMessages,
      maxQueuedBytes: sessions.maxBytes,
      maxTotalBytes: sessions.maxTotalBytes,
    },
  }
}
