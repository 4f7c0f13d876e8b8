import { expect, it } from 'vitest'
import type { Decoded } from '../../telemetry/reading.ts'
import { createDecoder, type Decoder } from '../decoder.ts'
import { hostState } from './sparkplug.ts'
import { readPayload, rebirthCommand } from './sparkplug-payload.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

/** An empty payload with a sequence number: field 3, varint. */
function say(decoder: Decoder, type: string, seq: number): Decoded {
  const varint = seq < 128 ? [seq] : [(seq & 127) | 128, seq >> 7]
  const payload = Uint8Array.of(0x18, ...varint)
  return decoder.decode({ topic: `spBv1.0/G/${type}/edge`, payload, retain: false }, NOW_US)
}

it('a rebirth command is what the specification says', () => {
  const { metrics, timestampMs } = readPayload(rebirthCommand(1_773_144_000_000))
  expect(timestampMs).toBe(1_773_144_000_000)
  expect(metrics).toMatchObject([{ name: 'Node Control/Rebirth', datatype: 11, value: true }])
})

it('a gap in the sequence asks for a rebirth', () => {
  const decoder = createDecoder()
  expect(say(decoder, 'NBIRTH', 0).requests).toEqual([])
  expect(say(decoder, 'NDATA', 1).requests).toBeUndefined()
  expect(say(decoder, 'NDATA', 3).requests).toHaveLength(1)
})

it('the death of a device counts in the sequence', () => {
  const decoder = createDecoder()
  say(decoder, 'NBIRTH', 0)
  decoder.decode(
    { topic: 'spBv1.0/G/DDEATH/edge/pump', payload: Uint8Array.of(0x18, 1), retain: false },
    NOW_US,
  )
  expect(say(decoder, 'NDATA', 2).requests).toBeUndefined()
})

it('255 is followed by 0', () => {
  const decoder = createDecoder()
  say(decoder, 'NBIRTH', 255)
  expect(say(decoder, 'NDATA', 0).requests).toBeUndefined()
})

it('a node that dies takes its devices with it', () => {
  const decoder = createDecoder()
  say(decoder, 'NBIRTH', 0)
  decoder.decode(
    { topic: 'spBv1.0/G/DBIRTH/edge/pump', payload: Uint8Array.of(0x18, 1), retain: false },
    NOW_US,
  )
  expect(say(decoder, 'NDEATH', 2).facts).toEqual([
    { device: 'edge', family: 'sparkplug-b', available: false },
    { device: 'pump', family: 'sparkplug-b', available: false },
  ])
})

it('a host says that it is there', () => {
  const { topic, payload, retain } = hostState('trestle', true, 1)
  expect({ topic, retain, json: JSON.parse(Buffer.from(payload).toString()) }).toEqual({
    topic: 'spBv1.0/STATE/trestle',
    retain: true,
    json: { online: true, timestamp: 1 },
  })
})
