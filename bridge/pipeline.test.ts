import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Catalog } from './catalog/catalog.ts'
import type { CatalogLimits } from './catalog/limits.ts'
import { createDecoder, type Decoder } from './decode/decoder.ts'
import { Relay } from './live/relay.ts'
import { createPipeline } from './pipeline.ts'
import { decodeRecord } from './quarantine/record.ts'
import type { Entry } from './spool/batch.ts'
import type { Spool } from './spool/spool.ts'
import type { Message } from './telemetry/message.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-pipeline-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function pipelineWith(decoder: Decoder, limits: Partial<CatalogLimits> = {}) {
  const entries: Entry[] = []
  const errors: object[] = []
  const catalog = new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device', limits })
  const relay = new Relay({ node: 'n', epoch: 'e', lastReadings: () => catalog.lastReadings() })
  // The spool's own promises have tests of their own; here only what it is given counts.
  const spool = {
    append(entry: Entry) {
      entries.push(entry)
      return Promise.resolve()
    },
    hasRecently: () => false,
  } as unknown as Spool
  const log = { error: (fields: object) => errors.push(fields), warn: () => undefined }
  const answers = { offer: () => undefined }
  return {
    entries,
    errors,
    ...createPipeline({ decoder, catalog, relay, spool, epoch: 'e', publish: () => undefined, answers, log }),
  }
}

const message: Message = {
  topic: 'home/hall/thermo-1/state',
  payload: Buffer.from('{"temperature":21.5}'),
  qos: 1,
  retain: false,
  dup: false,
  packetId: 1,
  client: 'thermo-1',
}

it('a reading becomes a line, and nobody waits for a QoS 0 message', async () => {
  const { accept, entries } = pipelineWith(createDecoder())
  await accept(message)
  expect(accept({ ...message, qos: 0, packetId: null })).toBeNull()
  expect(entries).toHaveLength(2)
  expect(entries[0]).toMatchObject({ lineCount: 1, outcome: { kind: 'message' }, awaited: true })
  expect(entries[0]?.lines).toMatch(
    /^reading,device=thermo-1,room=hall,topic=home\/hall\/thermo-1\/state temperature=21.5 \d{19}\n$/,
  )
  expect(entries[1]).toMatchObject({ key: null, awaited: false })
})

it('what there is no room for is kept with its reason, and the rest of its message is stored', async () => {
  const { accept, entries } = pipelineWith(createDecoder(), { devices: 1, fieldsPerDevice: 2 })
  const say = (topic: string, payload: object) =>
    accept({ ...message, topic, payload: Buffer.from(JSON.stringify(payload)) })
  await say('home/hall/thermo-1/state', { temperature: 21.5, humidity: 40 })
  await say('home/hall/thermo-1/state', { temperature: 21.6, pressure: 1013 })
  await say('home/hall/thermo-2/state', { temperature: 21.5 })
  await say('homeassistant/sensor/x/config', { state_topic: 'home/hall/thermo-3/state', name: 'T' })
  const kept = entries.map(({ outcome, lines, lineCount }) => [
    outcome.kind === 'quarantined' ? decodeRecord(Buffer.from(outcome.record)).reason : outcome.kind,
    lines.replace(/ \d+\n/, '').replace(/^.* /, ''),
    lineCount,
  ])
  expect(kept).toEqual([
    ['message', 'temperature=21.5,humidity=40', 1],
    ['too-many-fields', 'temperature=21.6', 1],
    ['too-many-devices', '', 0],
    ['too-many-devices', '', 0],
  ])
})

it('a message that trips over a fault of ours is kept and acknowledged, and the next one works', async () => {
  const sound = createDecoder()
  let isFaulty = true
  const { accept, entries, errors } = pipelineWith({
    ...sound,
    decode(...input) {
      if (isFaulty) throw new Error('bug')
      return sound.decode(...input)
    },
  })
  await accept(message)
  isFaulty = false
  await accept(message)
  expect(errors).toHaveLength(1)
  const [kept, next] = entries.map(entry => entry.outcome)
  expect(kept?.kind === 'quarantined' && decodeRecord(Buffer.from(kept.record))).toMatchObject({
    topic: message.topic,
    by: 'pipeline',
    payload: Buffer.from(message.payload),
  })
  expect(next).toEqual({ kind: 'message' })
})
