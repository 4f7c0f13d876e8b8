/**
 * Recordings: one JSON object a line, `{"time", "topic", "payload" | "payloadBase64", "qos", "retain"}`, `time` in
 * milliseconds since the recording began. A rehearsal (`--dry-run`) has the same form, and can be replayed.
 */

import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { MqttClient } from 'mqtt'
import { z } from 'zod'
import { sleep } from './sleep.ts'
import { openStream, type Target } from './target.ts'

const recordSchema = z.object({
  time: z.number().min(0),
  topic: z.string().min(1),
  payload: z.string().optional(),
  payloadBase64: z.base64().optional(),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  retain: z.boolean().default(false),
})

type MessageRecord = z.infer<typeof recordSchema>

export interface Recorded {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
}

export function recordOf({ topic, payload, qos = 1, retain = false }: Recorded, timeMs: number): object {
  const time = Math.round(timeMs * 1000) / 1000
  const text = typeof payload === 'string' ? payload : asText(payload)
  if (text !== null) return { time, topic, payload: text, qos, retain }
  return { time, topic, payloadBase64: Buffer.from(payload).toString('base64'), qos, retain }
}

/** Null when it is not valid UTF-8: then it is kept as bytes. */
function asText(payload: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return null
  }
}

export interface RecordOptions {
  readonly target: Target
  readonly clientIdPrefix: string
  readonly file: string
  readonly topics: readonly string[]
  readonly seconds: number
  readonly signal: AbortSignal
}

/** Writes down what the broker delivers, until time or signal. Returns how many messages that were. */
export async function record({
  target,
  clientIdPrefix,
  file,
  topics,
  seconds,
  signal,
}: RecordOptions): Promise<number> {
  const output = createWriteStream(file)
  await once(output, 'open')
  const client = await connected(target, `${clientIdPrefix}recorder`)
  let count = 0
  const beganMs = performance.now()
  client.on('message', (topic, payload, packet) => {
    count++
    const { qos, retain } = packet
    output.write(
      `${JSON.stringify(recordOf({ topic, payload, qos, retain }, performance.now() - beganMs))}\n`,
    )
  })
  await client.subscribeAsync([...topics], { qos: 2 })
  await sleep(seconds * 1000, signal)
  await client.endAsync()
  output.end()
  await once(output, 'finish')
  return count
}

export interface ReplayOptions {
  readonly target: Target
  readonly clientIdPrefix: string
  readonly file: string
  /** Times the recorded one; Infinity: as fast as messages are acknowledged. */
  readonly speed: number
  /** Instead of the recorded one. */
  readonly qos?: 0 | 1 | 2 | undefined
  readonly signal: AbortSignal
}

/** Unacknowledged at a time. */
const WINDOW = 500

export async function replay(options: ReplayOptions): Promise<{ sent: number; acknowledged: number }> {
  const { target, clientIdPrefix, file, speed, signal } = options
  const counts = { sent: 0, acknowledged: 0 }
  const client = await connected(target, `${clientIdPrefix}replay`)
  const beganMs = performance.now()
  const onItsWay = new Set<Promise<void>>()
  for await (const message of readRecording(file)) {
    if (signal.aborted) break
    const dueMs = speed === Infinity ? 0 : message.time / speed
    const earlyMs = beganMs + dueMs - performance.now()
    if (earlyMs > 0) await sleep(earlyMs, signal)
    if (onItsWay.size >= WINDOW) await Promise.race(onItsWay)
    counts.sent++
    const { topic, payload, payloadBase64, retain } = message
    const bytes =
      payloadBase64 === undefined ? Buffer.from(payload ?? '') : Buffer.from(payloadBase64, 'base64')
    const published = client
      .publishAsync(topic, bytes, { qos: options.qos ?? message.qos, retain })
      .then(() => {
        counts.acknowledged++
        onItsWay.delete(published)
      })
    onItsWay.add(published)
  }
  await Promise.all(onItsWay)
  await client.endAsync()
  return counts
}

/** Throws at the first line that is not of a recording, with its number. */
export async function* readRecording(file: string): AsyncGenerator<MessageRecord> {
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number++
    if (line.trim() === '') continue
    const parsed = recordSchema.safeParse(parse(line))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new Error(`${file}:${number}: not a recorded message: ${issue?.path.join('.')} ${issue?.message}`)
    }
    yield parsed.data
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

const CONNECT_MS = 10_000

async function connected(target: Target, clientId: string): Promise<MqttClient> {
  const { username, password } = target
  const client = new MqttClient(() => openStream(target), {
    clientId: `${clientId}-${process.pid}`,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  })
  let reason = 'no answer'
  client.on('error', error => {
    reason = error.message
  })
  const waiting = new AbortController()
  client.once('connect', () => waiting.abort())
  await sleep(CONNECT_MS, waiting.signal)
  if (client.connected) return client
  await client.endAsync(true)
  throw new Error(`no connection to ${target.url.host}: ${reason}`)
}
