import { describe, expect, it } from 'vitest'
import type { Decoded } from '../telemetry/reading.ts'
import { createDecoder, type Decoder } from './decoder.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

function say(decoder: Decoder, topic: string, payload: string | object): Decoded {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return decoder.decode({ topic, payload: Buffer.from(text), retain: false }, NOW_US)
}

function readingsOf(decoded: Decoded) {
  return decoded.kind === 'readings' ? decoded.readings : []
}

describe('tags', () => {
  it('are the same object for every message of a topic, so that caches can go by identity', () => {
    const decoder = createDecoder()
    const [first] = readingsOf(say(decoder, 'home/den/heater/state', { t: 1 }))
    const [second] = readingsOf(say(decoder, 'home/den/heater/state', { t: 2 }))
    expect(second!.tags).toBe(first!.tags)
    expect(first!.tags).toEqual({ topic: 'home/den/heater/state', room: 'den' })
  })

  it('and names are clean, whatever the topic', () => {
    const decoder = createDecoder()
    const [reading] = readingsOf(say(decoder, 'home/a\nb/c\\/state', { 'x\ny': 1 }))
    expect(reading).toMatchObject({
      device: 'c⧵~290b6cb5abe3f35a',
      tags: { room: 'a-b' },
      fields: [{ name: 'x␊y~f611f2a448a99adb' }],
    })
    expect(reading!.tags.topic).not.toMatch(/[\n]/)
  })
})

it('bytes that are no UTF-8 are not taken for text, and the sign that stands for them is text like any other', () => {
  const decoder = createDecoder()
  const read = (payload: Buffer) =>
    decoder.decode({ topic: 'home/hall/note', payload, retain: false }, NOW_US)
  expect(read(Buffer.from([0x6f, 0x6b, 0xff]))).toMatchObject({ kind: 'rejected', reason: 'not UTF-8 text' })
  expect(readingsOf(read(Buffer.from('ok\ufffd')))[0]!.fields).toEqual([{ name: 'note', value: 'ok\ufffd' }])
})

describe('what Home Assistant discovery tells', () => {
  const config = {
    '~': 'well/pump',
    stat_t: '~/state',
    val_tpl: "{{ value_json['motor'].power | float }}",
    unit_of_meas: 'W',
    dev_cla: 'power',
    exp_aft: 120,
    dev: { name: 'Pump', sa: 'Garden', mdl: 'P1', mf: 'ACME' },
  }

  it('gives facts, and a unit and a room to the readings that follow', () => {
    const decoder = createDecoder()
    expect(say(decoder, 'homeassistant/sensor/pump/config', config)).toMatchObject({
      kind: 'ignored',
      by: 'ha-discovery',
      facts: [
        { device: 'pump', name: 'Pump', room: 'Garden', model: 'P1', manufacturer: 'ACME' },
        {
          device: 'pump',
          topic: 'well/pump/state',
          field: 'motor.power',
          unit: 'W',
          class: 'power',
          expectedIntervalS: 120,
        },
      ],
    })
    expect(readingsOf(say(decoder, 'well/pump/state', { motor: { power: 410 } }))).toMatchObject([
      { device: 'pump', tags: { room: 'Garden' }, fields: [{ name: 'motor.power', unit: 'W' }] },
    ])
  })

  it('is not believed about topics that its sender could not write to', () => {
    const decoder = createDecoder({
      maySpeakFor: (identity, topic) => identity === 'gateway' || topic.startsWith(`${identity}/`),
    })
    const message = {
      topic: 'homeassistant/sensor/pump/config',
      payload: Buffer.from(JSON.stringify(config)),
      retain: true,
    }
    expect(decoder.decode({ ...message, client: 'c-1', identity: 'mallory' }, NOW_US).facts).toBeUndefined()
    expect(decoder.decode({ ...message, client: 'c-1', identity: 'well' }, NOW_US).facts).toHaveLength(2)
    expect(decoder.decode({ ...message, client: 'c-1', identity: 'gateway' }, NOW_US).facts).toHaveLength(2)
  })

  it('says nothing of a device that its sender may not speak of, also by a topic of its own', () => {
    const decoder = createDecoder({ maySpeakOf: (identity, device) => identity === device })
    const told = { state_topic: 'mallory/pump/state', device: { name: 'Pump', suggested_area: 'Cellar' } }
    const { facts } = decoder.decode(
      {
        topic: 'homeassistant/sensor/mallory/config',
        payload: Buffer.from(JSON.stringify(told)),
        retain: true,
        client: 'mallory',
        identity: 'mallory',
      },
      NOW_US,
    )
    expect(facts).toBeUndefined()
    expect(readingsOf(say(decoder, 'well/pump/state', { power: 410 }))[0]!.tags).toEqual({
      topic: 'well/pump/state',
    })
  })

  it('can be learned again from facts that were kept', () => {
    const before = createDecoder()
    const { facts = [] } = say(before, 'homeassistant/sensor/pump/config', config)
    const after = createDecoder()
    after.learn(facts)
    expect(readingsOf(say(after, 'well/pump/state', { motor: { power: 410 } }))).toMatchObject([
      { tags: { room: 'Garden' }, fields: [{ unit: 'W' }] },
    ])
  })
})

it('forgets what was told of a device that is gone, and nothing of others', () => {
  const decoder = createDecoder()
  const told = ['n1', 'n2'].flatMap(device => [
    { device, room: 'Lab' },
    { device, field: 'flow', unit: 'L/min' },
    { device, field: 'level', unit: 'cm', topic: `${device}/state` },
  ])
  decoder.learn(told)
  const heard = (device: string) => {
    const [reading] = readingsOf(say(decoder, `${device}/state`, { level: 3 })) ?? []
    const [other] = readingsOf(say(decoder, `${device}/sensor`, { flow: 3 })) ?? []
    return [reading?.tags.room, reading?.fields[0]?.unit, other?.fields[0]?.unit]
  }
  const before = heard('n1')
  expect(before).toEqual(['Lab', 'cm', 'L/min'])
  expect(heard('n2')).toEqual(before)
  decoder.forget(['n1'], ['n1/state'])
  expect(heard('n1')).toEqual([undefined, undefined, undefined])
  expect(heard('n2')).toEqual(before)
})

it('a unit may be known by device and field alone', () => {
  const decoder = createDecoder()
  decoder.learn([{ device: 'n1', field: 'flow', unit: 'L/min' }])
  expect(readingsOf(say(decoder, 'lab/n1/state', { flow: 3 }))).toMatchObject([
    { fields: [{ unit: 'L/min' }] },
  ])
})

describe('Sparkplug', () => {
  it('asks a node for its birth, once in a while, when data comes before it', () => {
    const decoder = createDecoder()
    const data = { topic: 'spBv1.0/G/NDATA/edge', payload: Uint8Array.of(0x12, 2, 0x10, 5), retain: false }
    const first = decoder.decode(data, NOW_US)
    expect(first).toMatchObject({
      kind: 'rejected',
      requests: [{ topic: 'spBv1.0/G/NCMD/edge', qos: 0, retain: false }],
    })
    expect(decoder.decode(data, NOW_US + 1e6).requests).toBeUndefined()
    expect(decoder.decode(data, NOW_US + 31e6).requests).toHaveLength(1)
  })
})

describe('bounds', () => {
  it('a document may be deep, wide or long: it is cut, and said to be', () => {
    const decoder = createDecoder()
    const deep = `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, i])))
    expect(say(decoder, 'x/y/state', deep)).toMatchObject({ kind: 'rejected', reason: 'nested too deep' })
    expect(say(decoder, 'x/y/state', wide)).toMatchObject({ kind: 'readings', rejected: 'too many values' })
    expect(say(decoder, 'x/y/state', { a: 1, b: 'x'.repeat(70_000) })).toMatchObject({
      rejected: 'text too long',
    })
  })

  it('3,000 fields are not too many', () => {
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`k${i}`, i])))
    expect(readingsOf(say(createDecoder(), 'x/y/state', wide))[0]!.fields).toHaveLength(3_000)
  })

  it('topics beyond the limit are forgotten, not refused', () => {
    const decoder = createDecoder({ maxTopics: 10 })
    for (let i = 0; i < 1_000; i++) expect(say(decoder, `plant/m${i}/level`, '1').kind).toBe('readings')
  })

  it('a topic too long for a tag is refused', () => {
    expect(say(createDecoder(), `a/${'b'.repeat(2_000)}/c`, '1')).toMatchObject({
      kind: 'rejected',
      reason: 'topic too long',
    })
  })

  it('keys of objects cannot reach prototypes', () => {
    const decoded = say(createDecoder(), 'x/y/state', '{"__proto__":{"polluted":1},"constructor":2,"a":3}')
    expect(readingsOf(decoded)[0]!.fields.map(field => field.name)).toEqual(['constructor', 'a'])
    expect('polluted' in {}).toBe(false)
  })
})
