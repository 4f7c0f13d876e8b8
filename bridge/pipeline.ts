/**
 * The path of one message:
 *
 *   accept -> decode -+-> readings -> catalog (types, times, the line) -> relay, now
 *                     |                                    |
 *                     +-> rejected: kept for the quarantine|
 *                     +-> ignored: counted                 v
 *                                              spool.append -> resolves once on the disk -> PUBACK
 *
 * Every message takes exactly one place in the spool's next block, so that acknowledgements leave in the order of
 * arrival and the account of the block is the account of the messages in it.
 */

import { crc32 } from 'node:zlib'
import type { Catalog, PresenceChange } from './catalog/catalog.ts'
import type { Refusal } from './catalog/limits.ts'
import { isCommandAnswer } from './command/requests.ts'
import type { Decoder } from './decode/decoder.ts'
import type { Relay } from './live/relay.ts'
import { encodeRecord } from './quarantine/record.ts'
import type { Outcome } from './spool/batch.ts'
import type { Spool } from './spool/spool.ts'
import type { Request } from './telemetry/facts.ts'
import type { Message } from './telemetry/message.ts'
import type { AcceptedReading, Reading } from './telemetry/reading.ts'

export interface Pipeline {
  /**
   * Resolves when the message may be acknowledged; rejects when it must not be. Null: nobody waits (QoS 0). `forbidden`:
   * it speaks for a device that its sender may not speak for; it is counted, and nobody is to hear of it.
   */
  accept(message: Message): Promise<void> | null | 'forbidden'
  /** The same for what another broker kept, and tells on subscribing: news only where it tells its own time. */
  recall(message: Message): Promise<void> | null | 'forbidden'
  /** Counts a message that its sender had no right to publish. */
  refuse(message: Message): void
  /**
   * Counts a message that came again, and is known by its packet identifier: QoS 2 keeps that until it is released.
   * Resolves when it may be acknowledged.
   */
  repeat(message: Message): Promise<void> | null
  /** Shows live clients whose silence says that they are gone, or that they are back, and who was forgotten. It is not stored. */
  announce(changes: readonly Announcement[]): void
}

/** `forgotten`: what is known of it is gone; what comes of it later is of a new device. */
export type Announcement = Omit<PresenceChange, 'availableBy'> & {
  readonly availableBy: PresenceChange['availableBy'] | 'forgotten'
}

export interface Parts {
  readonly decoder: Decoder
  readonly catalog: Catalog
  readonly relay: Relay
  readonly spool: Spool
  /** Names the run of the numbering that the live readings carry. */
  readonly epoch: string
  /** Somebody may wait for what a device says. */
  readonly answers: { offer(message: Message, receivedUs: number): void }
  /** Publishes what the decoder asks for, such as a Sparkplug rebirth. */
  readonly publish: (request: Request) => void
  /** Whether an identity may report readings of a device; anybody may unless given. */
  readonly maySpeakOf?: (identity: string, device: string) => boolean
  readonly log: {
    error(fields: object, text: string): void
    warn(fields: object, text: string): void
  }
}

/** What became of a message, and the lines that it brought. */
interface Understood {
  readonly outcome: Outcome
  readonly lines: string
  readonly lineCount: number
}

interface Taken {
  readonly lines: string
  readonly lineCount: number
  readonly refused: Refusal | null
}

/** For each reason: one line says it, and the counters say how often. */
const WARN_AGAIN_MS = 600_000
const MESSAGE: Outcome = { kind: 'message' }
const DUPLICATE: Understood = { outcome: { kind: 'ignored', reason: 'duplicate' }, lines: '', lineCount: 0 }
const ANSWER: Understood = { outcome: { kind: 'ignored', reason: 'answer' }, lines: '', lineCount: 0 }
const RETAINED: Understood = { outcome: { kind: 'ignored', reason: 'retained' }, lines: '', lineCount: 0 }
const FORBIDDEN: Understood = { outcome: { kind: 'dropped', reason: 'forbidden' }, lines: '', lineCount: 0 }

export function createPipeline(parts: Parts): Pipeline {
  const { decoder, catalog, relay, spool, epoch, answers, publish, log } = parts
  const { maySpeakOf = () => true } = parts
  let seq = 0
  const warnedAtMs = new Map<Refusal, number>()

  function take(message: Message, isRecalled: boolean): Promise<void> | null | 'forbidden' {
    const receivedUs = Date.now() * 1000
    const key = message.packetId === null ? null : retransmissionKey(message, message.packetId)
    if (message.dup && key !== null && spool.hasRecently(key))
      return finish(message, DUPLICATE, null, receivedUs)
    const understood = understand(message, isRecalled, receivedUs)
    if (understood !== FORBIDDEN) return finish(message, understood, key, receivedUs)
    void finish({ ...message, qos: 0 }, FORBIDDEN, null, receivedUs)
    return 'forbidden'
  }

  /** A message that trips over a fault of ours is kept with the others that cannot be used: it would come again. */
  function understand(message: Message, isRecalled: boolean, receivedUs: number): Understood {
    try {
      return read(message, isRecalled, receivedUs)
    } catch (error) {
      log.error({ err: error, topic: message.topic }, 'a fault of ours: the message is in the quarantine')
      return {
        outcome: hold(message, 'pipeline', 'a fault of the bridge', receivedUs),
        lines: '',
        lineCount: 0,
      }
    }
  }

  function read(message: Message, isRecalled: boolean, receivedUs: number): Understood {
    if (!isRecalled) answers.offer(message, receivedUs)
    if (isCommandAnswer(message)) return ANSWER
    const decoded = decoder.decode(message, receivedUs)
    const { identity = null } = message
    const isOwn = ({ device }: { readonly device: string }) =>
      identity === null || maySpeakOf(identity, device)
    if (identity !== null && decoded.kind === 'readings' && !decoded.readings.every(isOwn)) return FORBIDDEN
    const facts = decoded.facts?.filter(isOwn)
    const refused = facts ? catalog.learn(facts, sourceOf(message), message.topic) : null
    if (decoded.requests) for (const request of decoded.requests) publish(request)
    switch (decoded.kind) {
      case 'ignored':
        if (refused !== null) return noRoom(message, refused, receivedUs)
        return { outcome: { kind: 'ignored', reason: decoded.reason }, lines: '', lineCount: 0 }
      case 'rejected':
        return { outcome: hold(message, decoded.by, decoded.reason, receivedUs), lines: '', lineCount: 0 }
      case 'readings': {
        const { by, rejected } = decoded
        const readings = isRecalled
          ? rememberOld(decoded.readings, message, by, receivedUs)
          : decoded.readings
        if (readings.length === 0 && rejected === undefined) return RETAINED
        const taken = acceptReadings(readings, message, by, receivedUs)
        const over = taken.refused ?? refused
        const { lines, lineCount } = taken
        if (over !== null) return { ...noRoom(message, over, receivedUs), lines, lineCount }
        const outcome = rejected === undefined ? MESSAGE : hold(message, by, rejected, receivedUs)
        return { outcome, lines, lineCount }
      }
    }
  }

  /** Nobody knows when they were measured: they are the last known values, and no more. Returns the others. */
  function rememberOld(
    readings: readonly Reading[],
    message: Message,
    by: string,
    receivedUs: number,
  ): readonly Reading[] {
    const isOld = ({ timeUs }: Reading) => timeUs === null
    for (const reading of readings)
      if (isOld(reading)) catalog.recall(reading, by, receivedUs, sourceOf(message))
    return readings.filter(reading => !isOld(reading))
  }

  /** Numbers the readings, shows them live, returns their lines. */
  function acceptReadings(
    readings: readonly Reading[],
    message: Message,
    by: string,
    receivedUs: number,
  ): Taken {
    let lines = ''
    let refused: Refusal | null = null
    const live: AcceptedReading[] = []
    for (const reading of readings) {
      const accepted = catalog.accept(reading, by, receivedUs, sourceOf(message))
      const { line, device, fields, tags, timeUs } = accepted
      refused = accepted.refused ?? refused
      if (line === '') continue
      lines += line
      live.push({ seq: ++seq, device, topic: message.topic, tags, fields, timeUs, receivedUs })
    }
    if (live.length > 0) relay.offer({ epoch, readings: live })
    return { lines, lineCount: live.length, refused }
  }

  /** What there is room for is stored; the message with the rest of it waits for more. */
  function noRoom(message: Message, refusal: Refusal, receivedUs: number): Understood {
    const nowMs = performance.now()
    if (nowMs - (warnedAtMs.get(refusal) ?? Number.NEGATIVE_INFINITY) > WARN_AGAIN_MS) {
      warnedAtMs.set(refusal, nowMs)
      const { client, topic } = message
      log.warn(
        { reason: refusal, client, topic },
        'no room in the catalog: such messages are in the quarantine',
      )
    }
    return { outcome: hold(message, 'limits', refusal, receivedUs), lines: '', lineCount: 0 }
  }

  function announce(changes: readonly Announcement[]): void {
    if (changes.length === 0) return
    const timeUs = Date.now() * 1000
    const readings = changes.map(
      ({ device, available, availableBy, lastSeenUs }): AcceptedReading => ({
        seq: ++seq,
        device,
        topic: '',
        tags: { availableBy },
        fields: [{ name: 'available', value: available }],
        timeUs,
        receivedUs: lastSeenUs,
      }),
    )
    relay.offer({ epoch, readings })
  }

  function finish(
    message: Message,
    { outcome, lines, lineCount }: Understood,
    key: number | null,
    receivedUs: number,
  ): Promise<void> | null {
    if (relay.wantsMessages) relay.offerMessage({ message, receivedUs, result: resultOf(outcome) })
    const awaited = message.qos > 0
    const durable = spool.append({ lines, lineCount, outcome, key, awaited })
    return awaited ? durable : null
  }

  return {
    accept: message => take(message, false),
    recall: message => take(message, true),
    announce,
    repeat: message => finish(message, DUPLICATE, null, Date.now() * 1000),
    refuse: message => void finish({ ...message, qos: 0 }, FORBIDDEN, null, Date.now() * 1000),
  }
}

/** Whose share of the catalog it takes. */
function sourceOf({ identity, client }: Message): string | null {
  return identity ?? client
}

function hold(message: Message, by: string, reason: string, receivedUs: number): Outcome {
  return { kind: 'quarantined', record: encodeRecord(message, by, reason, receivedUs) }
}

/** In the ledger's words. */
function resultOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'message':
      return 'stored'
    case 'quarantined':
    case 'replayed':
      return outcome.kind
    default:
      return `${outcome.kind}:${outcome.reason}`
  }
}

/** The same for a message sent again by its client: 32 bits of client, topic and payload, 16 of the packet identifier. */
function retransmissionKey({ client, topic, payload }: Message, packetId: number): number {
  const seed = (Math.imul(crcOf(client ?? ''), FNV_PRIME) ^ crcOf(topic)) >>> 0
  const sum = payload.length <= MAX_HASHED_BYTES ? hash(payload, seed) : crc32(payload, seed)
  return sum * 0x1_0000 + packetId
}

/** Most payloads are short: for them the call of crc32 costs twice as much as this. */
const MAX_HASHED_BYTES = 256

/** FNV-1a. */
const FNV_PRIME = 0x0100_0193

function hash(bytes: Uint8Array, seed: number): number {
  let sum = seed
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, FNV_PRIME)
  return sum >>> 0
}

/** Clients send many messages, and to few topics: their part of the key is kept. */
const knownCrcs = new Map<string, number>()
const MAX_KNOWN_CRCS = 50_000
const MAX_KNOWN_LENGTH = 256

function crcOf(text: string): number {
  if (text.length > MAX_KNOWN_LENGTH) return crc32(text)
  let crc = knownCrcs.get(text)
  if (crc === undefined) {
    if (knownCrcs.size >= MAX_KNOWN_CRCS) knownCrcs.clear()
    crc = crc32(text)
    knownCrcs.set(text, crc)
  }
  return crc
}
