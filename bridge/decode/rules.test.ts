import { describe, expect, it } from 'vitest'
import { createDecoder } from './decoder.ts'
import { explain } from './explain.ts'
import { rulesSchema } from './rules.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

function told(rules: unknown, topic: string, payload: string) {
  const decoder = createDecoder({ rules: rulesSchema.parse(rules) })
  return explain(decoder, { topic, payload: Buffer.from(payload), retain: false }, NOW_US)
}

describe('a topic template', () => {
  const rules = [
    {
      topic: 'plant/{site}/{device}/{field}',
      name: 'plant',
      measurement: 'plant',
      rename: { t1: 'flow' },
      units: { flow: '°C' },
      types: { serial: 'text', door: 'boolean', count: 'number' },
      ignore: ['debug*'],
    },
  ]

  it('gives device, field and tags, a new name, a unit and a measurement', () => {
    expect(told(rules, 'plant/ams/press/t1', '21.5')).toEqual({
      by: 'rule plant',
      readings: [
        {
          device: 'press',
          measurement: 'plant',
          tags: { site: 'ams', topic: 'plant/ams/press/t1' },
          field: 'flow',
          value: 21.5,
          unit: '°C',
          time: null,
        },
      ],
    })
  })

  it.each([
    ['serial', '1.10', '1.10'],
    ['door', 'open', true],
    ['count', '007', 7],
  ])('types: %s %s', (field, payload, value) => {
    expect(told(rules, `plant/ams/press/${field}`, payload)).toMatchObject({ readings: [{ field, value }] })
  })

  it('leaves out ignored fields', () => {
    expect(told(rules, 'plant/ams/press/debug1', '1')).toMatchObject({ ignored: true, by: 'rule plant' })
  })
})

it('the first rule that matches counts, also before a family and where readings are never expected', () => {
  const rules = [
    { topic: 'zigbee2mqtt/{device}/set', units: { x: 'V' } },
    { topic: 'zigbee2mqtt/#', ignore: true },
  ]
  expect(told(rules, 'zigbee2mqtt/a/set', '{"x":1}')).toMatchObject({
    readings: [{ device: 'a', unit: 'V' }],
  })
  expect(told(rules, 'zigbee2mqtt/a', '{"x":1}')).toMatchObject({ ignored: true })
})

it('values in a row get names', () => {
  const rules = [{ topic: 'scale/{device}/raw', columns: ['kg', '', 'battery'] }]
  expect(told(rules, 'scale/s1/raw', '12.5; 3; 97')).toMatchObject({
    readings: [
      { device: 's1', field: 'kg', value: 12.5 },
      { device: 's1', field: 'battery', value: 97 },
    ],
  })
})

it('device, room and tags may be put together', () => {
  const rules = [
    { topic: 'w/{a}/{b}', device: '{a}-{b}', room: 'Floor {a}', tags: { kind: '{b}' }, only: ['x*'] },
  ]
  expect(told(rules, 'w/1/l', '{"x1":1,"y":2}')).toMatchObject({
    readings: [{ device: '1-l', tags: { room: 'Floor 1', kind: 'l' }, field: 'x1' }],
  })
})

describe('mistakes are named', () => {
  it.each([
    [{ topic: 'a/{x' }, 'topic'],
    [{ topic: 'a/{x}', device: '{y}' }, 'device'],
    [{ topic: 'a/{x}', tags: { topic: '{x}' } }, 'tags.topic'],
    [{ topic: 'a', types: { x: 'integer' } }, 'types.x'],
    [{ topic: 'a', regex: '.*' }, ''],
  ])('%j', (rule, path) => {
    const issues = rulesSchema.safeParse([rule]).error?.issues.map(issue => issue.path.join('.'))
    expect(issues).toContain(path === '' ? '0' : `0.${path}`)
  })
})
