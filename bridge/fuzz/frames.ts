/**
 * Random WebSocket frames against `/live` and `/mqtt` of a running bridge. What must hold: it lives and its memory is
 * bounded, a client that behaves is answered all the while, and every connection ends.
 */

import { readFileSync } from 'node:fs'
import { connect, packet } from '../../broker/conformance/packets.ts'
import { Chance } from '../../broker/fuzz/chance.ts'
import { connectOf, packetOf } from '../../broker/fuzz/grammar.ts'
import { mutate } from '../../broker/fuzz/mutate.ts'
import type { Trestle } from '../test/trestle.ts'
import { closeFrame, frame, OPCODE, RawWebSocket } from './raw-web-socket.ts'

export interface FrameReport {
  readonly frames: number
  readonly connections: number
  /** By close code; none: without a word. */
  readonly closed: Readonly<Record<string, number>>
  readonly slowestPongMs: number
  readonly residentMb: number
}

const CONCURRENCY = 8
const MAX_FRAMES = 40
const CONNECTIONS_PER_CHECK = 100
const LIVE_MESSAGES = [
  '{"op":"ping"}',
  '{"op":"subscribe","id":1}',
  '{"op":"subscribe","id":2,"devices":["a-*"],"fields":["temperature"],"topics":["home/+/#"],"maxHz":10}',
  '{"op":"subscribe","id":3,"stream":"messages","topics":["#"]}',
  '{"op":"subscribe","id":4,"resume":"nonsense","snapshot":false}',
  '{"op":"unsubscribe","id":1}',
  '{"op":"command","id":7,"device":"lamp-1","payload":{"state":"ON"},"qos":1}',
  '{"op":"auth","token":"nonsense"}',
  '{"op":"__proto__","id":1,"__proto__":{"polluted":true},"constructor":1}',
  '{"op":"subscribe","id":1e999,"devices":null}',
  '[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]',
  'null',
  '',
]

/** Rejects with an Error that names the seed when a promise is broken. */
export async function fuzzFrames(trestle: Trestle, frames: number, seed: number): Promise<FrameReport> {
  const closed: Record<string, number> = {}
  let sent = 0
  let connections = 0
  let slowestPongMs = 0
  const control = await RawWebSocket.open(trestle.http, '/live')
  const check = async () => {
    const startMs = performance.now()
    control.send(frame({ opcode: OPCODE.ping, payload: 'control' }))
    await control.next(OPCODE.pong)
    slowestPongMs = Math.max(slowestPongMs, performance.now() - startMs)
  }
  const worker = async () => {
    while (sent < frames) {
      const chance = new Chance(seed + connections++)
      const path = chance.is(0.5) ? '/live' : '/mqtt'
      const client = await RawWebSocket.open(trestle.http, path)
      sent += await talk(client, chance, path)
      const code = String((await end(client, chance)) ?? 'none')
      closed[code] = (closed[code] ?? 0) + 1
      if (connections % CONNECTIONS_PER_CHECK === 0) await check()
    }
  }
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    await check()
  } catch (cause) {
    throw new Error(`frames, seed ${seed}: ${trestle.stderr().slice(-2000)}`, { cause })
  } finally {
    control.destroy()
  }
  return {
    frames: sent,
    connections,
    closed,
    slowestPongMs: Math.round(slowestPongMs),
    residentMb: residentMb(trestle),
  }
}

/** Of the bridge's process; Linux. */
export function residentMb({ pid }: Trestle): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!
  return Math.round(Number(kib) / 1024)
}

/** Returns how many frames. */
async function talk(client: RawWebSocket, chance: Chance, path: string): Promise<number> {
  const spoiling = chance.pick([0, 0.02, 0.2])
  const count = 1 + chance.below(MAX_FRAMES)
  const frames = Array.from({ length: count }, (_, i) => {
    const one = frameOf(chance, path, i === 0)
    return chance.is(spoiling) ? mutate(chance, one, [one, closeFrame(1000)]) : one
  })
  const bytes = Buffer.concat(frames)
  for (let at = 0; at < bytes.length && !client.isClosed; ) {
    const length = chance.is(0.5) ? bytes.length : 1 + chance.below(2000)
    client.send(bytes.subarray(at, at + length))
    at += length
    if (chance.is(0.3)) await new Promise(resolve => setImmediate(resolve))
  }
  return count
}

function frameOf(chance: Chance, path: string, isFirst: boolean): Buffer {
  const { text, binary, more, ping, pong } = OPCODE
  const usual = path === '/live' ? text : binary
  const payload = payloadOf(chance, path, isFirst)
  switch (chance.below(20)) {
    case 0:
      return frame({ opcode: ping, payload: chance.bytes(chance.below(126)) })
    case 1:
      return frame({ opcode: pong, payload: chance.bytes(chance.below(10)) })
    case 2:
      return frame({ opcode: usual, isFinal: false, payload })
    case 3:
      return frame({ opcode: more, isFinal: chance.is(0.7), payload })
    case 4:
      return chance.is(0.2)
        ? closeFrame(chance.pick([1000, 1001, 4000, 999, 1005, 65_535]))
        : frame({ opcode: ping })
    case 5:
      return chance.is(0.1)
        ? frame({ opcode: chance.below(16), reserved: chance.below(8), payload })
        : frame({ opcode: usual, payload })
    case 6:
      return frame({ opcode: usual, payload, lengthBytes: payload.length < 65_536 && chance.is(0.5) ? 2 : 8 })
    default:
      return frame({ opcode: usual, payload })
  }
}

function payloadOf(chance: Chance, path: string, isFirst: boolean): Buffer {
  if (path === '/mqtt') {
    const level = chance.pick([4, 4, 5] as const)
    if (isFirst) return chance.is(0.9) ? connectOf(chance, level) : packet(chance.below(16), chance.below(16))
    return chance.is(0.05) ? connect() : packetOf(chance, level)
  }
  const message = Buffer.from(chance.pick(LIVE_MESSAGES))
  return chance.is(0.1) ? mutate(chance, message, [message]) : message
}

async function end(client: RawWebSocket, chance: Chance): Promise<number | null> {
  if (chance.is(0.5)) {
    client.destroy()
    return null
  }
  client.send(closeFrame(1000))
  // A frame cut short before it swallows that: then the client goes.
  client.socket.end()
  return await client.closed()
}
