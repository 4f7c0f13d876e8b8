import { describe, expect, it } from 'vitest'
import { readFilter, readText, readTopic } from './text.ts'
import { Topics } from './topics.ts'

const LIMITS = { maxTopicBytes: 1024, maxTopicLevels: 32 }
const text = (bytes: Buffer) => readText(bytes, 0, bytes.length)
const topic = (name: string | Buffer) => {
  const bytes = Buffer.from(name as string)
  return readTopic(bytes, 0, bytes.length, LIMITS)
}
const filter = (name: string) => {
  const bytes = Buffer.from(name)
  return readFilter(bytes, 0, bytes.length, LIMITS)
}

describe('text', () => {
  it.each(['', 'a', 'küche/Ω', '日本', '😀', '\u{10fffd}', ' ', '~'])('is taken as it is: %j', sample =>
    expect(text(Buffer.from(sample))).toBe(sample),
  )

  it('keeps a byte order mark: it is a character like others [MQTT-1.5.3-3]', () => {
    expect(text(Buffer.from([0xef, 0xbb, 0xbf, 0x61]))).toBe('\ufeffa')
  })

  it('has no control character and no noncharacter', () => {
    const controls = [...Array(0x20).keys(), ...Array.from({ length: 33 }, (_, i) => 0x7f + i)]
    const noncharacters = [
      ...Array.from({ length: 32 }, (_, i) => 0xfdd0 + i),
      ...Array.from({ length: 17 }, (_, plane) => [
        plane * 0x10000 + 0xfffe,
        plane * 0x10000 + 0xffff,
      ]).flat(),
    ]
    for (const code of [...controls, ...noncharacters]) {
      const sample = `a${String.fromCodePoint(code)}b`
      expect(text(Buffer.from(sample)), code.toString(16)).toBeNull()
      expect(topic(sample), code.toString(16)).toBeNull()
      expect(filter(sample), code.toString(16)).toBeNull()
    }
    expect(controls).toHaveLength(32 + 33)
  })

  it.each([
    ['a continuation alone', [0x80]],
    ['a sequence cut short', [0xc3]],
    ['a long sequence cut short', [0xf0, 0x9f, 0x98]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL', [0xc0, 0x80]],
    ['an overlong sequence of three', [0xe0, 0x80, 0xaf]],
    ['a high surrogate', [0xed, 0xa0, 0x80]],
    ['a low surrogate', [0xed, 0xbf, 0xbf]],
    ['a pair of surrogates', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['a byte that UTF-8 has not', [0xff]],
  ])('is UTF-8: not %s', (_name, bytes) => {
    expect(text(Buffer.from(bytes))).toBeNull()
    expect(topic(Buffer.from([0x61, ...bytes, 0x62]))).toBeNull()
  })
})

describe('a topic name', () => {
  it.each([
    'a',
    '/',
    '//',
    '/a',
    'a/',
    'a//b',
    ' ',
    'a b/c',
    '$SYS/x',
    `${'a/'.repeat(31)}a`,
    'a'.repeat(1024),
  ])('may be %j', name => expect(topic(name)).toBe(name))

  it.each(['', '+', '#', 'a/+', 'a/#', 'a+', '#/a', `${'/'.repeat(32)}`, 'a'.repeat(1025)])(
    'may not be %j',
    name => expect(topic(name)).toBeNull(),
  )
})

describe('a topic filter', () => {
  it.each(['a', '#', '+', '+/#', '/#', '/+', '+/+', '+/a/+', 'a/+/b/#', '//+', '$SYS/#'])('may be %j', name =>
    expect(filter(name)).toBe(name),
  )

  it.each(['', 'a+', '+a', 'a#', '#/a', '#/', '##', '++', 'a/b+/c', 'a/#b', '/#/', 'a/+b', '+#'])(
    'may not be %j',
    name => expect(filter(name)).toBeNull(),
  )
})

it('the table of topics gives what reading gives, whatever it has seen before', () => {
  const topics = new Topics(LIMITS)
  const read = (name: string) => {
    const bytes = Buffer.from(name)
    return topics.read(bytes, 0, bytes.length)
  }
  // More than its slots: each gives way to another, some many times.
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 40_000; i++) {
      const name = `home/room-${i}/${i % 7 === 0 ? 'Ω' : 'x'}`
      if (read(name) !== name) throw new Error(name)
    }
  }
  for (const name of ['', 'a/+', 'a\0', 'a'.repeat(2000)]) expect(read(name)).toBeNull()
  // Of the same length in characters, not in bytes.
  expect(read('é')).toBe('é')
  expect(read('Ã©')).toBe('Ã©')
  expect(read('é')).toBe('é')
})
