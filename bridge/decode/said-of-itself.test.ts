/** What an MQTT 5 message says of itself, and how far it is believed. */

import { expect, it } from 'vitest'
import type { MessageProperties } from '../telemetry/message.ts'
import { createDecoder } from './decoder.ts'
import { rulesSchema } from './rules.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

const SAID: MessageProperties = {
  isText: false,
  contentType: null,
  responseTopic: null,
  correlationData: null,
  userProperties: [],
}

function decoded(payload: string | Buffer, said: Partial<MessageProperties>, rules: unknown = []) {
  const decoder = createDecoder({ rules: rulesSchema.parse(rules) })
  const message = {
    topic: 'home/hall/thermo/state',
    payload: Buffer.from(payload),
    retain: false,
    properties: { ...SAID, ...said },
  }
  return decoder.decode(message, NOW_US)
}

it.each([
  ['image/jpeg', 'ignored'],
  ['audio/ogg; codecs=opus', 'ignored'],
  ['application/json', 'readings'],
  ['Application/JSON; charset=utf-8', 'readings'],
  ['text/plain', 'readings'],
  ['something/else', 'readings'],
])('JSON that is called %s: %s', (contentType, kind) => {
  expect(decoded('{"temperature":21.5}', { contentType })).toMatchObject({ kind })
})

it('a text that begins with a brace is a text when its sender says so, and broken JSON otherwise', () => {
  expect(decoded('{door} open', {})).toMatchObject({ kind: 'rejected', reason: 'broken JSON' })
  expect(decoded('{door} open', { contentType: 'text/plain' })).toMatchObject({
    kind: 'readings',
    readings: [{ fields: [{ value: '{door} open' }] }],
  })
})

it('CBOR that happens to be text is CBOR when its sender says so', () => {
  // [{"n": "t", "v": 5}], which has no byte beyond ASCII but its heads.
  const senml = Buffer.from([0x81, 0xa2, 0x00, 0x61, 0x74, 0x02, 0x05])
  expect(decoded(senml, { contentType: 'application/senml+cbor' })).toMatchObject({ kind: 'readings' })
  expect(decoded('5', { contentType: 'application/cbor' })).toMatchObject({ kind: 'rejected' })
  expect(decoded('5', {})).toMatchObject({ kind: 'readings' })
})

it('what is declared to be text, and is none, is kept with that reason', () => {
  const senml = Buffer.from([0x81, 0xa2, 0x00, 0x61, 0x74, 0x02, 0x05])
  expect(decoded(senml, {})).toMatchObject({ kind: 'readings' })
  expect(decoded(senml, { isText: true })).toMatchObject({ kind: 'rejected', reason: 'not UTF-8 text' })
})

it('user properties become tags by a rule, and only by one', () => {
  const userProperties = [
    ['site', 'ams'],
    ['site', 'second'],
    ['line', ''],
    ['secret', 'x'],
    ['serial', 'a\nb'],
  ] as const
  const rules = [
    {
      topic: 'home/{room}/{device}/state',
      userProperties: { site: 'plant', line: 'line', serial: 'serial' },
    },
  ]
  const payload = '{"temperature":21.5}'
  const tags = { room: 'hall', topic: 'home/hall/thermo/state', plant: 'ams', serial: 'a\u240ab' }
  expect(decoded(payload, { userProperties }, rules)).toMatchObject({ readings: [{ tags }] })
  const plain = decoded(payload, { userProperties })
  expect(JSON.stringify(plain)).not.toContain('ams')
})

it('a rule cannot give a tag that is ours', () => {
  const mistakes = rulesSchema.safeParse([{ topic: 'a/{device}', userProperties: { who: 'device' } }])
  expect(mistakes.success).toBe(false)
})
