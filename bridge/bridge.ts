/**
 * The wiring: every part, in the order in which a message meets it. Starting goes down this page, stopping up.
 */

import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { TrustedProxies } from '../broker/guard/addresses.ts'
import { listen } from '../broker/listeners.ts'
import { Catalog } from './catalog/catalog.ts'
import { fillCatalog } from './catalog/fill.ts'
import { watchPresence } from './catalog/watch-presence.ts'
import { Commands } from './command/commands.ts'
import type { Config } from './config/config.ts'
import type { Settings } from './config/schema.ts'
import { openDataDirectory, SetupError } from './data-directory.ts'
import { createDecoder } from './decode/decoder.ts'
import { hostState } from './decode/families/sparkplug.ts'
import { isDemoWanted, startDemo } from './demo.ts'
import { createForgetDevice } from './forget-device.ts'
import { localInUrl } from './hosts.ts'
import { createApp, type HttpStats } from './http/app.ts'
import { commandRoutes } from './http/commands.ts'
import { explainRoutes } from './http/explain.ts'
import { historyRoutes } from './http/history.ts'
import { originPolicy } from './http/origin.ts'
import { quarantineRoutes } from './http/quarantine.ts'
import { createHttpServer } from './http/server.ts'
import { spoolRoutes } from './http/spool.ts'
import { Identities } from './identity/identities.ts'
import { createSpeaking } from './identity/speaking.ts'
import { balance } from './ledger.ts'
import type { Credentials } from './live/access.ts'
import { Relay } from './live/relay.ts'
import { RING_SIZE } from './live/ring.ts'
import { liveRoutes } from './live/routes.ts'
import { attachLive } from './live/sockets.ts'
import type { Logger } from './log.ts'
import { metricSources } from './metric-sources.ts'
import { createMetrics } from './metrics.ts'
import { type Mqtt, openMqtt } from './mqtt.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { lastQuarantinedBlock } from './quarantine/quarantine.ts'
import { replayQuarantine } from './quarantine/replay.ts'
import { startSelfMetrics } from './self-metrics.ts'
import { lastKnownBlock } from './spool/cursor.ts'
import { Spool } from './spool/spool.ts'
import { openHistory, storeSetup } from './store/setup.ts'
import { WriterThread } from './store/writer-thread.ts'
import { ServedCertificate, tlsPaths } from './tls/served-certificate.ts'

export interface Bridge {
  /** What the ready line says; ports that are off are null. */
  readonly address: {
    readonly mqtt: number | null
    readonly mqtts: number | null
    readonly http: number
    readonly url: string
    readonly store: 'embedded' | 'influx'
  }
  /** Looks at once whether there is a new certificate; it is found anyway after some seconds. */
  reload(): void
  /** Finishes what was accepted, tells the clients, and leaves the rest in the spool. */
  close(): Promise<void>
}

const LOOPBACK = ['127.0.0.0/8', '::1']
const PAGE_DIR = join(import.meta.dirname, '../dashboards/live/dist')
/** What the writer may still deliver while the process stops; the spool keeps the rest. */
const DELIVER_WITHIN_MS = 4000

/** Rejects with a SetupError for what the surroundings do not allow: a port in use, a directory that is not ours. */
export async function createBridge(config: Config, log: Logger): Promise<Bridge> {
  const { settings } = config
  const data = openDataDirectory(settings.dataDir)
  const identities = new Identities({
    dataDir: settings.dataDir,
    host: settings.host,
    mqttHost: settings.mqtt.host,
    allowAnonymous: settings.allowAnonymous,
    maxLogouts: settings.http.maxLogouts,
    log,
  })
  const tls = openTls(settings, log)
  const store = storeSetup(config, data.store)
  const epoch = randomBytes(6).toString('base64url')
  const stopping = new AbortController()

  const catalog = new Catalog({
    journalPath: data.catalog,
    scope: store.kind === 'influx' ? 'measurement' : 'device',
    maxAgeMs: settings.time.maxAge,
    limits: settings.limits,
  })
  const speaking = createSpeaking({
    identities,
    topicsOf: device => catalog.topicsOf(device),
    log,
  })
  const decoder = createDecoder({
    rules: settings.rules,
    maySpeakFor: (identity, topic) =>
      identity === null || identities.accessOf(identity)?.mayPublish(topic) === true,
    maySpeakOf: (identity, device) => identity === null || speaking.maySpeakOf(identity, device),
  })
  decoder.learn(catalog.facts())
  const spool = new Spool({
    ...spoolOptions(settings),
    dir: data.spool,
    nodeId: data.nodeId,
    beforeCommit: () => catalog.flush(),
    onCommit: commit => writer.committed(commit),
    onOverflow: block => writer.overflow(block),
    lastKnownBlock: Math.max(lastKnownBlock(data.cursor), lastQuarantinedBlock(data.quarantine)),
    log,
  })
  const writer = new WriterThread({
    setup: {
      spoolDir: data.spool,
      cursorPath: data.cursor,
      quarantine: { path: data.quarantine, ...settings.quarantine },
      store,
      maxBackoffMs: settings.writer.maxBackoff,
    },
    tail: spool.tail,
    onProgress: ({ releasable }) => spool.release(releasable),
    onFault: error => {
      throw error
    },
    log,
  })
  const history = openHistory(store)
  const onFilled = speaking.reconsider
  await Promise.all([writer.started, fillCatalog({ catalog, history, onFilled, signal: stopping.signal })])

  const commands = new Commands({
    catalog,
    deliver: (publication, withinMs) => mqtt.deliver(publication, withinMs),
    takesRequests: topic => mqtt.takesRequests(topic),
    ...commandOptions(settings),
  })
  const relay = new Relay({
    node: data.nodeId,
    epoch,
    lastReadings: () => catalog.lastReadings(),
    names: catalog.names,
    sendCommand: commands.send,
    limits: { ...liveLimits(settings), commandTimeoutMs: commands.longestMs },
    ring: { ...RING_SIZE, entries: settings.live.ringReadings },
  })
  // MQTT hands messages to the pipeline, which has published what a decoder asks for.
  const pipeline: Pipeline = createPipeline({
    decoder,
    catalog,
    relay,
    spool,
    epoch,
    answers: commands.answers,
    maySpeakOf: speaking.maySpeakOf,
    publish: request => void mqtt.publish(request).catch(() => undefined),
    log,
  })
  const mqtt: Mqtt = await openMqtt({ settings, data, tls: tls?.forMqtt ?? null, pipeline, identities, log })

  // Known once it listens, which comes last: nobody should be taken in before everything is there.
  let ports: Awaited<ReturnType<Mqtt['listen']>> | null = null
  const ledger = () => balance(spool.totals, writer.progress.cursor, writer.progress.evicted)
  const httpStats: HttpStats = { problems: {}, connectionsRefused: 0 }
  const sources = metricSources({
    ledger,
    spool,
    writer,
    relay,
    mqtt,
    identities,
    catalog,
    tls,
    commands,
    http: httpStats,
  })
  const origin = originPolicy({
    host: settings.host,
    names: settings.http.hosts,
    origins: settings.http.origins,
  })
  // On this machine stands a proxy of ours or nobody: whoever comes through one is not taken for us.
  const proxies = new TrustedProxies([...settings.trustedProxies, ...LOOPBACK])
  const access = {
    ...origin,
    addressOf: (request: IncomingMessage) => proxies.clientOf(request),
    authenticate: (credentials: Credentials) => identities.principalOf(credentials),
  }
  const stopWatching = identities.onChange(() =>
    relay.closeWhere(principal => !identities.isCurrent(principal)),
  )
  const app = createApp({
    catalog,
    forgetDevice: createForgetDevice({ catalog, decoder, speaking, pipeline, mqtt }),
    ledger,
    metrics: createMetrics(sources),
    readiness: () => ({
      ready: spool.failure === null && !stopping.signal.aborted,
      reason: stopping.signal.aborted ? 'stopping' : (spool.failure?.message ?? null),
      mqtt: ports?.mqtt ?? null,
      mqtts: ports?.mqtts ?? null,
      needsCredentials: identities.needsCredentials.mqtt,
      hasAuthority: tls?.authority != null,
      store: storeState(writer),
    }),
    api: [
      commandRoutes(commands.send),
      explainRoutes({ createDecoder: () => createDecoder({ rules: settings.rules }) }),
      historyRoutes({
        history,
        unitOf: (device, field) => catalog.unitOf(device, field),
        idOf: name => catalog.idOf(name),
      }),
      quarantineRoutes({
        list: (limit, before) => writer.listQuarantine(limit, before),
        replay: wants => {
          const fresh = createDecoder({ rules: settings.rules })
          fresh.learn(catalog.facts())
          return replayQuarantine({
            wants,
            decoder: fresh,
            catalog,
            append: entry => spool.append(entry),
            list: (after, limit) => writer.listQuarantineFrom(after, limit),
          })
        },
      }),
      spoolRoutes({ feedAgain: sinceMs => writer.feedAgain(sinceMs) }),
    ],
    live: liveRoutes(relay, access),
    identities,
    addressOf: access.addressOf,
    pageDir: PAGE_DIR,
    authority: () => tls?.authority ?? null,
    origin,
    stats: httpStats,
    log,
  })

  const { host } = settings
  const http = createHttpServer({
    app,
    tls: tls?.forHttp ?? null,
    origin,
    maxConnections: settings.http.maxConnections,
    maxConnectionsPerAddress: settings.http.maxConnectionsPerAddress,
    isUnlimited: address => proxies.has(address),
    onFull: () => httpStats.connectionsRefused++,
    onMqttUpgrade: mqtt.onUpgrade,
  })
  const live = attachLive(http, relay, access)
  const httpPort = await listenOn(http, host, settings.http.port)
  const { hostId } = settings.sparkplug
  const tellState = (isOnline: boolean) =>
    hostId === undefined ? null : mqtt.publish(hostState(hostId, isOnline, Date.now())).catch(() => undefined)
  void tellState(true)
  const stopWatchingPresence = watchPresence({
    catalog,
    isListening: () => mqtt.isListening,
    announce: pipeline.announce,
  })
  ports = await mqtt.listen().catch(portMistake(settings.mqtt.port))
  const selfMetrics =
    store.kind === 'influx' && settings.influx.selfMetrics > 0
      ? startSelfMetrics({
          server: store,
          node: data.nodeId,
          intervalMs: settings.influx.selfMetrics,
          sources,
          presences: () => catalog.presences(),
          log,
        })
      : null
  const demo = isDemoWanted(config, identities)
    ? await startDemo(`mqtt://${localInUrl(settings.mqtt.host ?? host)}:${ports.mqtt}`, { identities, log })
    : null

  return {
    address: {
      ...ports,
      http: httpPort,
      url: `${tls === null ? 'http' : 'https'}://${localInUrl(host)}:${httpPort}/`,
      store: store.kind,
    },
    reload: () => tls?.reload(),
    async close() {
      stopping.abort()
      stopWatchingPresence()
      await demo?.stop()
      await selfMetrics?.close()
      await tellState(false)
      mqtt.stop()
      http.close()
      await spool
        .flush()
        .catch(error => log.warn({ err: error }, 'what was not acknowledged is with the devices'))
      await live.close('restarting')
      await mqtt.close()
      http.closeAllConnections()
      stopWatching()
      identities.close()
      await spool.close().catch(() => undefined)
      await writer.stop(DELIVER_WITHIN_MS)
      await history.close()
      tls?.close()
      await catalog.close()
      data.close()
    },
  }
}

function liveLimits({ live }: Settings) {
  return {
    maxConnections: live.maxConnections,
    maxPerAddress: live.maxPerAddress,
    maxUnauthenticated: live.maxUnauthenticated,
    authTimeoutMs: live.authTimeout,
    maxSubscriptions: live.maxSubscriptions,
    maxMessageBytes: live.maxMessageBytes,
    messagesPerSecond: live.messagesPerSecond,
    maxDepth: live.maxDepth,
    maxStallMs: live.maxStall,
  }
}

function spoolOptions({ spool }: Settings) {
  return {
    maxBytes: spool.maxBytes,
    policy: spool.policy,
    segmentBytes: spool.segmentBytes,
    lingerMs: spool.linger,
    quietLingerMs: spool.quietLinger,
    holdMs: spool.hold,
    maxPendingBytes: spool.maxPendingBytes,
    maxPendingMessages: spool.maxPendingMessages,
    keepMs: spool.keepDelivered.age,
    keepBytes: spool.keepDelivered.bytes,
  }
}

/** `ok`: it takes readings. A retention that it refuses is a person's affair, too. */
function storeState({ trouble, retentionTrouble }: WriterThread) {
  return {
    ok: trouble === null,
    kind: trouble?.kind ?? (retentionTrouble === null ? null : 'misconfigured'),
    reason: trouble?.reason ?? retentionTrouble,
    since: trouble?.sinceMs ?? null,
  }
}

function commandOptions({ commands }: Settings) {
  return {
    timeoutMs: commands.timeout,
    answerTimeoutMs: commands.answerTimeout,
    expiryMs: commands.expiry,
    maxPending: commands.maxPending,
  }
}

function openTls(settings: Settings, log: Logger): ServedCertificate | null {
  const paths = tlsPaths(settings)
  return paths === null ? null : new ServedCertificate({ paths, log })
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
  return listen(server, host, port).catch(portMistake(port))
}

/** Port errors are the commonest mistake of a first start: one line that says what to do. */
function portMistake(wanted: number): (error: NodeJS.ErrnoException & { port?: number }) => never {
  return error => {
    const port = error.port ?? wanted
    const why =
      error.code === 'EADDRINUSE'
        ? 'is in use'
        : error.code === 'EACCES'
          ? 'needs more rights'
          : error.message
    throw new SetupError(`port ${port} ${why}; set another, or end what listens there`, { cause: error })
  }
}
