import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Value } from '../telemetry/reading.ts'
import {
  escapeMeasurement,
  escapeName,
  escapeString,
  escapeTagValue,
  LineParser,
  splitLines,
  writableName,
} from './line-protocol.ts'

interface Point {
  measurement: string
  tags: Record<string, string>
  fields: [name: string, value: Value][]
  timeUs: number
}

function encode(point: Point): string {
  const tags = Object.entries(point.tags).map(
    ([name, value]) => `,${escapeName(name)}=${escapeTagValue(value)}`,
  )
  const fields = point.fields.map(([name, value]) => `${escapeName(name)}=${encodeValue(value)}`)
  return `${escapeMeasurement(point.measurement)}${tags.join('')} ${fields.join(',')} ${point.timeUs}000\n`
}

function encodeValue(value: Value): string {
  if (typeof value === 'string') return escapeString(value)
  return typeof value === 'bigint' ? `${value}i` : Object.is(value, -0) ? '-0' : String(value)
}

function parse(lines: string | Uint8Array, parser = new LineParser()): Point[] {
  const points: Point[] = []
  let previous: object | null = null
  const parsed = parser.parse(Buffer.from(lines), ({ measurement, tags, field }, value, timeUs) => {
    const last = points.at(-1)
    if (last && tags === previous && last.timeUs === timeUs) last.fields.push([field, value])
    else points.push({ measurement, tags, fields: [[field, value]], timeUs })
    previous = tags
  })
  if (!parsed.ok) throw new Error(parsed.reason)
  return points
}

function reason(line: string): string {
  const parsed = new LineParser().parse(Buffer.from(line), () => undefined)
  return parsed.ok ? 'ok' : parsed.reason
}

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .map(text => writableName(text.toWellFormed()).replace(/^#/, '_'))
  .filter(text => text !== 'time')
const nastyName = fc.string({
  unit: fc.constantFrom('\\', '"', ',', '=', ' ', 'a', '\n', 'é', '#'),
  minLength: 1,
})
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', ',', ' ', '=', 'ß', '🌡') }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
)
const point: fc.Arbitrary<Point> = fc.record({
  measurement: name,
  tags: fc.dictionary(name, name, { maxKeys: 4, noNullPrototype: true }),
  fields: fc.uniqueArray(fc.tuple(name, value), { selector: ([name]) => name, minLength: 1, maxLength: 5 }),
  timeUs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
})

describe('line protocol', () => {
  it('gives back exactly what was encoded, alone and in a batch', () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 8 }), points => {
        const distinct = points.map((point, i) => ({ ...point, timeUs: (point.timeUs - i) >>> 0 }))
        const lines = distinct.map(encode)
        expect(distinct.map((_, i) => parse(lines[i]!)[0])).toStrictEqual(distinct)
        expect(splitLines(Buffer.from(lines.join(''))).map(String)).toStrictEqual(lines)
        const count = new LineParser().parse(Buffer.from(lines.join('')), () => undefined)
        expect(count).toStrictEqual({ ok: true, lines: lines.length })
      }),
      { numRuns: 300 },
    )
  })

  it('makes one point of the name that was not cleaned, and forges nothing', () => {
    fc.assert(
      fc.property(nastyName, nastyName, nastyName, (measurement, tag, field) => {
        const line = encode({
          measurement,
          tags: { device: tag, [tag]: 'x' },
          fields: [[field, 1]],
          timeUs: 1,
        })
        expect(splitLines(Buffer.from(line)).length).toBe(1)
        expect(parse(line)).toStrictEqual([
          {
            measurement: writableName(measurement).replace(/^#/, '_'),
            tags: { device: writableName(tag), [writableName(tag)]: 'x' },
            fields: [[writableName(field) === 'time' ? 'time_' : writableName(field), 1]],
            timeUs: 1,
          },
        ])
      }),
    )
  })

  it('repeats heads and fields in any order with one parser', () => {
    const parser = new LineParser()
    parse('m,device=a x=1,y=2,z=3 1000\n', parser)
    expect(parse('m,device=a z=1,x=2 2000\nm,device=a w=4,y=5 3000', parser)).toStrictEqual([
      {
        measurement: 'm',
        tags: { device: 'a' },
        fields: [
          ['z', 1],
          ['x', 2],
        ],
        timeUs: 2,
      },
      {
        measurement: 'm',
        tags: { device: 'a' },
        fields: [
          ['w', 4],
          ['y', 5],
        ],
        timeUs: 3,
      },
    ])
  })

  it('reads times by their digits', () => {
    expect(parse('m v=1 1763800000123456789\n')[0]?.timeUs).toBe(1763800000123456)
    expect(parse('m v=1 999\n')[0]?.timeUs).toBe(0)
    expect(parse('m v=1 9007199254740991999\n')[0]?.timeUs).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('reads the numbers and booleans that InfluxDB reads', () => {
    const read = (text: string) => parse(`m v=${text} 1\n`)[0]?.fields[0]?.[1]
    expect(
      ['1.', '.5', '+1', '1e3', '-1E-3', '0.1', '123456789.123456789', '5e-324'].map(read),
    ).toStrictEqual([1, 0.5, 1, 1000, -0.001, 0.1, 123456789.12345679, 5e-324])
    expect(['t', 'TRUE', 'False', '12i', '-9223372036854775808i'].map(read)).toStrictEqual([
      true,
      true,
      false,
      12,
      -9223372036854775808n,
    ])
  })

  it.each([
    ['', 'ok'],
    ['\n', 'missing fields'],
    ['m 1\n', 'missing field name'],
    ['m v=1\n', 'missing timestamp'],
    ['m v=1 \n', 'bad timestamp'],
    ['m v=1 12x\n', 'bad timestamp'],
    ['m v=1 -5\n', 'bad timestamp'],
    ['m v=1  5\n', 'bad timestamp'],
    ['m v=1 9223372036854775806\n', 'time outside range'],
    ['m v= 5\n', 'missing field value'],
    ['m v=NaN 5\n', 'invalid number'],
    ['m v=1e999 5\n', 'invalid number'],
    ['m v=1u 5\n', 'invalid number'],
    ['m v=0x10 5\n', 'invalid number'],
    ['m v=9223372036854775808i 5\n', 'integer outside range'],
    ['m v="a 5\n', 'unbalanced quotes'],
    ['m v="a"b 5\n', 'invalid field format'],
    ['m,device= v=1 5\n', 'missing tag value'],
    ['m,device v=1 5\n', 'missing tag value'],
    ['m,device=a=b v=1 5\n', 'invalid tag format'],
    ['m,a=1,a=2 v=1 5\n', 'duplicate tags'],
    ['m,time=1 v=1 5\n', 'no name for a tag or field'],
    ['m time=1 5\n', 'no name for a tag or field'],
    [',a=1 v=1 5\n', 'missing measurement'],
    ['# a comment\n', 'missing measurement'],
    ['m,device=tail\\ v=1 5\n', 'invalid tag format'],
    ['m,device=torn\nm,device=b v=1 5\n', 'missing fields'],
  ])('%j: %s', (line, expected) => {
    expect(reason(line)).toContain(expected)
  })

  it('names the malformed line and where it is, having visited what came before', () => {
    const lines = 'm,device=a v=1 1000\nm,device=ü v=oops 1000\nm,device=a v=2 2000\n'
    let visited = 0
    expect(new LineParser().parse(Buffer.from(lines), () => visited++)).toStrictEqual({
      ok: false,
      reason: "unable to parse 'm,device=ü v=oops 1000': invalid number",
      offset: 20,
    })
    expect(visited).toBe(1)
  })

  it('never throws on damaged bytes', () => {
    const valid = Buffer.from('m,device=a\\ b,room=x v=1.5,s="a\nb\\"c",t=t 1763800000123456000\n')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 }), damages => {
        const damaged = Buffer.from(valid)
        for (const [at, byte] of damages) damaged[at] = byte
        new LineParser().parse(damaged, () => undefined)
        expect(Buffer.concat(splitLines(damaged))).toStrictEqual(damaged)
      }),
    )
  })
})
