import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring } from './ring.ts'

function textOf(ring: Ring, after: number, upTo: number): string[] {
  const { parts, count, upTo: at } = ring.slice(after, upTo)
  expect([count, at]).toEqual([upTo - after, upTo])
  return JSON.parse(`[${Buffer.concat(parts).toString()}]`) as string[]
}

test('gives back what was put in, from any place to any other, and as much as it promises', () => {
  const texts = fc.array(fc.string({ maxLength: 60, unit: 'binary' }), { maxLength: 300 })
  fc.assert(
    fc.property(texts, fc.integer({ min: 8, max: 64 }), fc.nat(), fc.nat(), (all, entries, a, b) => {
      const ring = new Ring({ entries, maxBytes: 1e6 }, 100)
      for (const text of all) ring.append(JSON.stringify(text))
      expect(ring.last).toBe(100 + all.length)
      const oldest = ring.reachesBackTo
      expect(ring.last - oldest).toBeGreaterThanOrEqual(Math.min(all.length, entries))
      expect(ring.last - oldest).toBeLessThanOrEqual(entries + Math.ceil(entries / 8))
      const span = ring.last - oldest
      if (span === 0) return
      const [after, upTo] = [oldest + (a % span), oldest + (b % span) + 1].sort((x, y) => x - y) as [
        number,
        number,
      ]
      const wanted = all.slice(after - 100, upTo - 100)
      if (upTo > after) expect(textOf(ring, after, upTo)).toEqual(wanted)
      const bytes = wanted.reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(text)) + 1, 0)
      expect(ring.bytesBetween(after, upTo)).toBe(bytes)
      for (let seq = after + 1; seq <= upTo; seq++)
        expect(ring.entry(seq)).toBe(JSON.stringify(all[seq - 101]))
    }),
  )
})

test('a slice ends where its bytes would be too many, but never without an entry', () => {
  const ring = new Ring({ entries: 100, maxBytes: 1e6 })
  for (let i = 0; i < 50; i++) ring.append(`"${'x'.repeat(97)}"`)
  expect(ring.slice(0, 50, 1000)).toMatchObject({ count: 10, upTo: 10 })
  expect(ring.slice(10, 50, 1)).toMatchObject({ count: 1, upTo: 11 })
})

test('stays within its bytes, whatever the size of the entries', () => {
  const ring = new Ring({ entries: 1_000_000, maxBytes: 1024 * 1024 })
  for (let i = 0; i < 5000; i++) {
    ring.append(`"${'x'.repeat((i * 7919) % 4000)}"`)
    expect(ring.memoryBytes).toBeLessThanOrEqual(1024 * 1024)
  }
  expect(ring.last - ring.reachesBackTo).toBeGreaterThan(200)
  ring.append(`"${'x'.repeat(3_000_000)}"`)
  expect(ring.entry(5001)).toHaveLength(3_000_002)
  ring.append('1')
  expect(ring.entry(5002)).toBe('1')
})
