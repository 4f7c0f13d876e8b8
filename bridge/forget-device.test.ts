import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Catalog } from './catalog/catalog.ts'
import { createDecoder } from './decode/decoder.ts'
import { createForgetDevice } from './forget-device.ts'
import type { Mqtt } from './mqtt.ts'

let dir: string
let catalog: Catalog
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-forget-device-'))
  catalog = new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device' })
})
afterEach(async () => {
  await catalog.close()
  rmSync(dir, { recursive: true })
})

const decoder = createDecoder()

function hear(topic: string): void {
  const decoded = decoder.decode({ topic, payload: Buffer.from('{"temperature":21.5}'), retain: true }, 1e15)
  if (decoded.kind !== 'readings') throw new Error(`${topic}: ${decoded.kind}`)
  for (const reading of decoded.readings) catalog.accept(reading, decoded.by, 1e15)
}

/** Forgets the lamp beside a broker that answers so; returns what it answers, and the topics that were cleared. */
async function forgetLamp(deliver: () => ReturnType<Mqtt['deliver']>, isListening = true) {
  const cleared: string[] = []
  const forget = createForgetDevice({
    catalog,
    decoder,
    speaking: { reconsider: () => undefined },
    pipeline: { announce: () => undefined },
    mqtt: {
      isListening,
      deliver: ({ topic }) => {
        cleared.push(topic)
        return deliver()
      },
    },
  })
  return { answer: await forget('lamp'), cleared }
}

it.each<[string, () => ReturnType<Mqtt['deliver']>, boolean, string[]]>([
  ['delivered', async () => 'delivered', true, []],
  ['taken by our own, where nobody listens', async () => 'offline', true, []],
  ['not sent: another broker is away', async () => 'offline', false, ['home/hall/lamp/state']],
  ['not answered', async () => 'timeout', true, ['home/hall/lamp/state']],
  ['refused', () => Promise.reject(new Error('closed')), true, ['home/hall/lamp/state']],
])('it says which retained messages may be left: %s', async (_, deliver, isListening, retainedLeft) => {
  hear('home/hall/lamp/state')
  const { answer, cleared } = await forgetLamp(deliver, isListening)
  expect(answer).toEqual({ id: 'lamp', retainedLeft })
  expect(cleared).toEqual(['home/hall/lamp/state'])
})

it.each(['home/ha\u0001ll/lamp/state', 'home/ha\u202ell/lamp/state'])(
  'nothing is published on a topic that was made clean, which nobody has: %j',
  async topic => {
    hear(topic)
    const { answer, cleared } = await forgetLamp(async () => 'delivered')
    expect(cleared).toEqual([])
    expect(answer?.retainedLeft).toHaveLength(1)
  },
)
