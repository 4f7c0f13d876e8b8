/**
 * What the spool holds for the quarantine: u32 length of the description, the description as JSON, then the payload,
 * cut to MAX_PAYLOAD_BYTES. A release is a description alone: the entry that was replayed leaves.
 */

import type { Message } from '../telemetry/message.ts'

export const MAX_PAYLOAD_BYTES = 64 * 1024

export interface Description {
  readonly topic: string
  readonly reason: string
  /** Rule or family of the decoder, or `store` for what the store refused. */
  readonly by: string
  /** Arrival, milliseconds since the epoch. */
  readonly time: number
  readonly client: string | null
  readonly qos: number
  readonly retain: boolean
  /** Bytes of the whole payload; more than are kept when it was cut. */
  readonly payloadBytes: number
}

interface Release {
  readonly release: number
}

export interface QuarantineRecord extends Description {
  readonly payload: Uint8Array
}

export function encodeRecord(message: Message, by: string, reason: string, receivedUs: number): Buffer {
  const description: Description = {
    topic: message.topic,
    reason,
    by,
    time: Math.floor(receivedUs / 1000),
    client: message.client,
    qos: message.qos,
    retain: message.retain,
    payloadBytes: message.payload.length,
  }
  return encode(description, message.payload)
}

/** What the store refused: the lines themselves stand in for the payload. */
export function encodeRefused(lines: Uint8Array, topic: string, reason: string, timeMs: number): Buffer {
  return encode(
    {
      topic,
      reason,
      by: 'store',
      time: timeMs,
      client: null,
      qos: 0,
      retain: false,
      payloadBytes: lines.length,
    },
    lines,
  )
}

export function encodeRelease(entry: number): Buffer {
  return encode({ release: entry }, new Uint8Array())
}

/** The entry that leaves; null: the bytes are a record that enters. */
export function releasedEntry(bytes: Buffer): number | null {
  const description = JSON.parse(bytes.toString('utf8', 4, 4 + bytes.readUInt32LE(0))) as Partial<Release>
  return description.release ?? null
}

export function decodeRecord(bytes: Buffer): QuarantineRecord {
  const end = 4 + bytes.readUInt32LE(0)
  const description = JSON.parse(bytes.toString('utf8', 4, end)) as Description
  return { ...description, payload: bytes.subarray(end) }
}

function encode(description: Description | Release, payload: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(description))
  const kept = payload.subarray(0, MAX_PAYLOAD_BYTES)
  const bytes = Buffer.allocUnsafe(4 + text.length + kept.length)
  bytes.writeUInt32LE(text.length, 0)
  bytes.set(text, 4)
  bytes.set(kept, 4 + text.length)
  return bytes
}
