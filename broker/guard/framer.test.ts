import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lengthOf } from './fixture.ts'
import { Framer } from './framer.ts'

const MAX_BYTES = 3_000_000

/** Packets as text, and how it ended. */
function feed(chunks: readonly Buffer[], maxBytes = MAX_BYTES): string[] {
  const framer = new Framer(maxBytes)
  const found: string[] = []
  for (const chunk of chunks) {
    framer.push(Buffer.from(chunk))
    for (;;) {
      const result = framer.next()
      if (result === 'more') break
      if (result !== 'packet') return [...found, result]
      const { bytes, at, body, end } = framer
      found.push(`${bytes[at]} ${body - at} ${bytes.toString('hex', body, end)}`)
    }
  }
  return found
}

const anyPacket = fc
  .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 }))
  .map(([first, body]) => Buffer.concat([Buffer.from([first]), lengthOf(body.length), body]))

describe('a stream of packets', () => {
  it('cut at every byte gives what it gives whole', () => {
    const packets = [
      Buffer.from([0xc0, 0]),
      Buffer.concat([Buffer.from([0x30]), lengthOf(127), Buffer.alloc(127, 1)]),
      Buffer.concat([Buffer.from([0x32]), lengthOf(128), Buffer.alloc(128, 2)]),
      Buffer.concat([Buffer.from([0x34]), lengthOf(20_000), Buffer.alloc(20_000, 3)]),
      Buffer.from([0xe0, 0]),
    ]
    const stream = Buffer.concat(packets)
    const whole = feed([stream])
    expect(whole).toHaveLength(packets.length)
    for (let at = 0; at <= stream.length; at += at < 600 ? 1 : 97)
      expect(feed([stream.subarray(0, at), stream.subarray(at)]), `cut at ${at}`).toEqual(whole)
    expect(feed([...stream].map(byte => Buffer.from([byte])))).toEqual(whole)
  })

  it('cut anywhere gives what it gives whole, right or wrong', () => {
    fc.assert(
      fc.property(
        fc.array(anyPacket, { maxLength: 8 }),
        fc.uint8Array({ maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 }),
        (packets, tail, cuts) => {
          const stream = Buffer.concat([...packets, tail])
          const chunks: Buffer[] = []
          let at = 0
          for (const length of cuts) {
            chunks.push(stream.subarray(at, at + length))
            at += length
          }
          chunks.push(stream.subarray(at))
          expect(feed(chunks, 250)).toEqual(feed([stream], 250))
        },
      ),
      { numRuns: 500, seed: 1 },
    )
  })
})

it('a length of five bytes is malformed, however it comes', () => {
  const bytes = Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])
  expect(feed([bytes])).toEqual(['malformed'])
  expect(feed([...bytes].map(byte => Buffer.from([byte])))).toEqual(['malformed'])
})

it('a packet is judged by its header, before its bytes come', () => {
  const announced = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])
  expect(feed([announced])).toEqual(['too-large'])
  expect(feed([...announced].map(byte => Buffer.from([byte])))).toEqual(['too-large'])
  // The header counts.
  expect(feed([Buffer.concat([Buffer.from([0x30]), lengthOf(98), Buffer.alloc(98)])], 100)).toHaveLength(1)
  expect(feed([Buffer.concat([Buffer.from([0x30]), lengthOf(99), Buffer.alloc(99)])], 100)).toEqual([
    'too-large',
  ])
})

it('what is kept of an unfinished packet is a small multiple of what has come', () => {
  const framers = Array.from({ length: 200 }, () => new Framer(MAX_BYTES))
  const before = process.memoryUsage().arrayBuffers
  for (const framer of framers) {
    framer.push(Buffer.concat([Buffer.from([0x30]), lengthOf(2_500_000)]))
    framer.next()
    for (let i = 0; i < 300; i++) {
      framer.push(Buffer.alloc(1))
      expect(framer.next()).toBe('more')
    }
  }
  // 500 MB are announced, and 60 kB have come.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 ** 2)
})
