/**
 * Every setting, with its default and its reason. Environment variables follow from the paths; `docs/settings.md` and
 * `trestle.example.yaml` list them all, and a test holds the three together.
 */

import { z } from 'zod'
import { isSubnet } from '../../broker/guard/addresses.ts'
import { CATALOG_LIMITS } from '../catalog/limits.ts'
import { rulesSchema } from '../decode/rules.ts'
import { MAX_LOGOUTS } from '../identity/ended-sessions.ts'
import { isValidFilter } from '../telemetry/topics.ts'
import { parseDurationMs, parseSizeBytes } from './quantities.ts'

const port = z.coerce.number({ error: 'must be a port number' }).int().min(0).max(65_535)
const text = z.coerce.string().trim().min(1, 'must not be empty')

/** YAML gives a boolean, the environment a text; z.coerce would take "0" for true. */
const flag = z.union(
  [
    z.boolean(),
    z.literal(['1', 'true', 'yes', 1]).transform(() => true),
    z.literal(['0', 'false', 'no', 0]).transform(() => false),
  ],
  { error: 'must be true or false (1 or 0)' },
)

const duration = z.union([z.number(), z.string()]).transform((value, context) => {
  const ms = parseDurationMs(String(value))
  if (ms !== null) return ms
  context.addIssue({
    code: 'custom',
    message: `must be a duration such as 30s, 12h or 7d, not ${JSON.stringify(value)}`,
  })
  return z.NEVER
})

const size = z.union([z.number(), z.string()]).transform((value, context) => {
  const bytes = parseSizeBytes(String(value))
  if (bytes !== null) return bytes
  context.addIssue({
    code: 'custom',
    message: `must be a size such as 64MiB or 2GiB, not ${JSON.stringify(value)}`,
  })
  return z.NEVER
})

const count = z.coerce.number().int().min(1)

/** What the length field of a packet can say. */
const MAX_MQTT_BYTES = 256 * 1024 ** 2

const httpUrl = z
  .string()
  .refine(isHttpUrl, 'must be an http:// or https:// URL, such as http://localhost:8086')
  .transform(url => url.replace(/\/+$/, ''))

const mqttUrl = z
  .string()
  .refine(url => /^(mqtts?|wss?):\/\/[^/]+/.test(url), 'must be a URL such as mqtt://broker.local:1883')

/** A list in the file; in the environment, with commas between. */
const names = z
  .union([z.array(z.string()), z.string()])
  .transform(given => (typeof given === 'string' ? given.split(',').map(name => name.trim()) : given))

const topicFilters = names.refine(
  filters => filters.length > 0 && filters.every(isValidFilter),
  'must be MQTT filters, such as home/#',
)

/** `.prefault({})`: a section that is not there is a section of defaults. */
export const settingsSchema = z.strictObject({
  host: text.default('127.0.0.1'),
  allowAnonymous: flag.default(false),
  dataDir: text.default('./data'),
  demo: flag.optional(),
  /** Proxies that may say for whom they connect: X-Forwarded-For, and the PROXY protocol with `mqtt.proxyProtocol`. */
  trustedProxies: names
    .refine(proxies => proxies.every(isSubnet), 'must be addresses or subnets, such as 10.0.0.0/8')
    .default([]),

  mqtt: z
    .strictObject({
      port: port.default(1883),
      /** For MQTT without TLS alone, where that shall not leave the machine. */
      host: text.optional(),
      url: mqttUrl.optional(),
      /** Of the broker that is read from; better here, or from a file, than in its URL. */
      username: text.optional(),
      password: z.coerce.string().optional(),
      /** Authority that signed the broker's certificate, where the system does not know it. */
      ca: text.optional(),
      topics: topicFilters.default(['#']),
      /** Off: its clients are told that 3.1.1 is spoken here, and most of them come back with that. */
      version5: flag.default(true),
      /** Topics that an MQTT 5 client may give a number, and that we give one when it asks for it; in memory each. */
      topicAliases: z
        .strictObject({
          fromClients: z.coerce.number().int().min(0).max(65_535).default(64),
          toClients: z.coerce.number().int().min(0).max(65_535).default(16),
        })
        .prefault({}),
      /** Frees what a client left that named no keep-alive, or one of many hours. */
      idleTimeout: duration.default(6 * 3_600_000),
      /** How often `$SYS/broker/...` is told; 0: never. */
      sysInterval: duration.default(10_000),
      /** A CONNECT with name, password and will. */
      maxConnectBytes: size.default(16 * 1024),
      maxPacketBytes: size
        .refine(bytes => bytes <= MAX_MQTT_BYTES, 'must be at most 256MiB')
        .default(2 * 1024 ** 2),
      /** A process has 20,000 files at most on many systems, and needs some for itself. */
      maxConnections: count.default(16_000),
      /** Of one address that is not loopback: a site behind one router fits. */
      maxConnectionsPerAddress: count.default(1000),
      /** That have not sent a whole CONNECT yet. */
      maxSilent: count.default(5000),
      /** Logins begun in a second; others wait in line. */
      connectsPerSecond: count.default(1000),
      connectTimeout: duration.default(10_000),
      authenticateTimeout: duration.default(10_000),
      /** Of one client that is not on loopback; beyond, it is read from more slowly. */
      packetsPerSecond: count.default(5000),
      bytesPerSecond: size.refine(bytes => bytes > 0, 'must be more').default(16 * 1024 ** 2),
      /** QoS 2 messages of one client between PUBLISH and PUBREL. */
      maxInflight: count.default(1000),
      maxTopicBytes: count.max(65_535).default(1024),
      /** Aedes bears no more than 100. */
      maxTopicLevels: count.max(100).default(32),
      /** Home Assistant asks for 500 filters in one packet, and for thousands in all. */
      subscriptions: z
        .strictObject({
          max: count.default(200_000),
          maxPerClient: count.default(5000),
          maxPerPacket: count.default(512),
        })
        .prefault({}),
      /** Connections of trusted proxies begin with a PROXY header, version 1 or 2. */
      proxyProtocol: flag.default(false),
      /** What clients leave behind when they sleep: bounded, as some never come back. */
      sessions: z
        .strictObject({
          max: count.default(20_000),
          expiry: duration.refine(ms => ms > 0, 'must be longer').default(7 * 86_400_000),
          /** Of one client: as Mosquitto and HiveMQ have it. */
          maxMessages: count.default(1000),
          maxBytes: size.default(4 * 1024 ** 2),
          /** Of all clients: it is in memory. */
          maxTotalBytes: size.default(256 * 1024 ** 2),
        })
        .prefault({}),
      retained: z
        .strictObject({
          maxMessages: z.coerce.number().int().min(0).default(100_000),
          maxBytes: size.default(64 * 1024 ** 2),
        })
        .prefault({}),
    })
    .prefault({}),
  mqtts: z.strictObject({ port: port.default(8883) }).prefault({}),
  http: z
    .strictObject({
      port: port.default(8080),
      /** Names under which a proxy asks a bridge that listens on loopback: others may be somebody's trick. */
      hosts: names.default([]),
      /** Pages of other places that may connect to `/live` and `/mqtt`, and read answers with a token. */
      origins: names.default([]),
      /** Requests, live clients and MQTT over WebSocket together: each takes a file descriptor. */
      maxConnections: count.default(15_000),
      /** Of one address that is neither loopback nor a trusted proxy. */
      maxConnectionsPerAddress: count.default(1000),
      /** Of one person, remembered one by one; beyond, those that would expire first are remembered as one. */
      maxLogouts: count.default(MAX_LOGOUTS),
    })
    .prefault({}),
  tls: z
    .strictObject({
      /** Unless given, what `tls init` made. */
      cert: text.optional(),
      key: text.optional(),
      /** Who signed the certificates of devices; unless given, our own authority for devices. */
      clientCa: text.optional(),
    })
    .prefault({}),

  influx: z
    .strictObject({
      url: httpUrl.optional(),
      database: text.default('trestle'),
      username: text.optional(),
      password: z.coerce.string().optional(),
      token: text.optional(),
      org: text.optional(),
      bucket: text.optional(),
      /** A request that has no answer by then counts as failed and is sent again. */
      timeout: duration.default(10_000),
      /** How often the bridge writes figures of its own; 0: never. A database may be shared, so it is asked for. */
      selfMetrics: duration.default(0),
    })
    .prefault({}),

  retention: z
    .strictObject({
      raw: duration.default(7 * 86_400_000),
      minute: duration.default(90 * 86_400_000),
      hour: duration.default(730 * 86_400_000),
    })
    .prefault({}),

  spool: z
    .strictObject({
      maxBytes: size.default(2 * 1024 ** 3),
      /** At `maxBytes`: devices keep their data (`refuse`), or the oldest that waits makes room (`drop-oldest`). */
      policy: z.enum(['refuse', 'drop-oldest']).default('refuse'),
      /** Small enough to be scanned in a blink at start. */
      segmentBytes: size.default(16 * 1024 ** 2),
      /** Between commits of a busy spool: halves the flushes, costs the device this much patience. */
      linger: duration.default(2),
      /** The same for messages that nobody waits for (QoS 0). */
      quietLinger: duration.default(50),
      /** How long a device waits for a failing disk or a full spool before its connection is closed. */
      hold: duration.default(5000),
      /** Bytes in memory on their way to the disk. */
      maxPendingBytes: size.default(64 * 1024 ** 2),
      /** Messages whose acknowledgement waits for the disk, in all: a few times what a busy disk lets gather. */
      maxPendingMessages: count.default(100_000),
      /** The same of one client, which is not read from until half of them are acknowledged. */
      maxPendingPerClient: count.default(1000),
      keepDelivered: z
        .strictObject({ age: duration.default(3_600_000), bytes: size.default(256 * 1024 ** 2) })
        .prefault({}),
    })
    .prefault({}),

  writer: z
    .strictObject({
      /** The longest pause between attempts to reach a store that is away or refuses us. */
      maxBackoff: duration.default(30_000),
    })
    .prefault({}),

  quarantine: z
    .strictObject({
      maxBytes: size.default(64 * 1024 ** 2),
      maxBytesPerDevice: size.default(4 * 1024 ** 2),
    })
    .prefault({}),

  /** Names come from outside, and each device and field costs memory: what comes beyond is in the quarantine. */
  limits: z
    .strictObject({
      devices: count.default(CATALOG_LIMITS.devices),
      /** Of one device; a field counts once for each topic that it comes by. */
      fieldsPerDevice: count.default(CATALOG_LIMITS.fieldsPerDevice),
      /** Fields of all devices: 2.4 KB each in the embedded store's process. */
      series: count.default(CATALOG_LIMITS.series),
      /** Of one client: time to notice that it invents them. */
      newDevicesPerMinute: count.default(CATALOG_LIMITS.newDevicesPerMinute),
    })
    .prefault({}),

  time: z
    .strictObject({
      /** Device times older than this are not believed; unset: back to 2001. */
      maxAge: duration.optional(),
    })
    .prefault({}),

  live: z
    .strictObject({
      /** Readings kept for clients that resume: 2 minutes at 1,000/s. */
      ringReadings: z.coerce.number().int().min(1024).max(4_194_304).default(131_072),
      maxConnections: count.default(10_000),
      /** Rates and counts per address spare loopback, here as everywhere. */
      maxPerAddress: count.default(1000),
      /** Of the connections, those that have not said who they are yet, and how long each has for it. */
      maxUnauthenticated: count.default(500),
      authTimeout: duration.refine(ms => ms > 0, 'must be longer').default(10_000),
      /** Of one client. */
      maxSubscriptions: count.default(64),
      maxMessageBytes: size.refine(bytes => bytes >= 1024, 'must be larger').default(64 * 1024),
      /** Frames and pings from a client, on average; four seconds' worth at once. */
      messagesPerSecond: z.coerce.number().min(1).default(50),
      /** Objects and arrays within one another in a frame. */
      maxDepth: z.coerce.number().int().min(2).max(1000).default(8),
      /** A client that takes nothing for so long while something waits for it is closed. */
      maxStall: duration.default(10_000),
    })
    .prefault({}),

  commands: z
    .strictObject({
      /** Until the broker has handed it to whoever listens. */
      timeout: duration.default(5000),
      /** Then, until the device has answered: most do in a fraction of a second, some never. */
      answerTimeout: duration.default(2000),
      /** What waits for a sleeping device so long is not carried out any more; 0: it waits as its session lasts. */
      expiry: duration.default(3_600_000),
      /** Under way at once, in all. */
      maxPending: count.default(500),
    })
    .prefault({}),

  sparkplug: z
    .strictObject({
      /** Makes the bridge the primary host application of that id: its STATE is published, with a last will. */
      hostId: text.refine(id => !/[/+#]/.test(id), 'must have no /, + or #').optional(),
    })
    .prefault({}),

  /** For topics that no family knows; see docs/devices.md. */
  rules: rulesSchema.default([]),

  log: z
    .strictObject({
      level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
      /** `auto`: text for a terminal, JSON lines elsewhere. */
      format: z.enum(['auto', 'json', 'text']).default('auto'),
    })
    .prefault({}),
})

export type Settings = z.infer<typeof settingsSchema>

function isHttpUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}
