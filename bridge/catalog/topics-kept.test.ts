import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Reading } from '../telemetry/reading.ts'
import { Catalog, type TypeScope } from './catalog.ts'

let dir: string
let catalog: Catalog
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-topics-kept-'))
})
afterEach(async () => {
  await catalog.close()
  rmSync(dir, { recursive: true })
})

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000
const journalPath = () => join(dir, 'catalog.jsonl')

function open(scope: TypeScope = 'device'): void {
  catalog = new Catalog({ journalPath: journalPath(), scope })
}

/** By a start of which the store has not told anything yet. */
async function restart(scope?: TypeScope): Promise<void> {
  await catalog.close()
  open(scope)
}

function reading(device: string, topic: string): Reading {
  const fields = [{ name: 'temperature', value: 21.5 }]
  return { device, measurement: 'reading', tags: { topic }, fields, timeUs: null }
}

function say(device: string, topic: string): string {
  return catalog.accept(reading(device, topic), 'general', NOW_US, 'client').device
}

function called(name: string, address: string): void {
  const place = { topic: `zigbee2mqtt/${name}`, identity: `zigbee:${address}` }
  catalog.learn([{ device: name, ...place }], 'client')
}

const records = () => readFileSync(journalPath(), 'utf8').trimEnd().split('\n')

describe.each<TypeScope>(['device', 'measurement'])('where a device is heard, with types by %s', scope => {
  it('is known before the store has told, and is said once per topic, not per message', async () => {
    open(scope)
    for (const topic of ['home/hall/lamp', 'tele/lamp/STATE', 'home/hall/lamp']) say('lamp', topic)
    await catalog.flush()
    const { length } = records()
    for (let start = 0; start < 3; start++) {
      for (let n = 0; n < 100; n++) say('lamp', n % 2 === 0 ? 'home/hall/lamp' : 'tele/lamp/STATE')
      await restart(scope)
      expect(catalog.topicsOf('lamp')).toEqual(['home/hall/lamp', 'tele/lamp/STATE'])
      expect(records()).toHaveLength(length)
      expect([...catalog.devices()]).toEqual([])
    }
  })

  it('is in a journal that was written anew', async () => {
    open(scope)
    for (let i = 0; i < 20; i++) for (const place of ['attic', 'hall']) say(`d${i}`, `home/${place}/d${i}`)
    // Much ado about nothing, so that it is written anew, by a start that has not heard of the devices yet.
    await restart(scope)
    for (let n = 0; n < 6000; n++) catalog.learn([{ device: 'd1', name: `${n} ${'x'.repeat(1000)}` }])
    await catalog.flush()
    expect(statSync(journalPath()).size).toBeLessThan(100_000)
    await restart(scope)
    for (let i = 0; i < 20; i++)
      expect(catalog.topicsOf(`d${i}`)).toEqual([`home/attic/d${i}`, `home/hall/d${i}`])
  })
})

it('a journal of before, without topics, is completed by devices that speak, and by the store', async () => {
  const lines = [{ seen: 'speaks' }, { seen: 'stored' }, { seen: 'silent' }]
  writeFileSync(journalPath(), lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  open()
  for (const device of ['speaks', 'stored', 'silent']) expect(catalog.topicsOf(device)).toEqual([])
  say('speaks', 'home/speaks')
  const tags = { topic: 'home/stored' }
  const value = { field: 'temperature', measurement: 'reading', tags, value: 1, timeUs: NOW_US }
  catalog.fill([{ device: 'stored', ...value }])
  await restart()
  expect(catalog.topicsOf('speaks')).toEqual(['home/speaks'])
  expect(catalog.topicsOf('stored')).toEqual(['home/stored'])
  expect(catalog.topicsOf('silent')).toEqual([])
  expect(catalog.stats.counts.devices).toBe(3)
})

it('of a device with topics without end the first are kept, and no more is written', async () => {
  open()
  for (let i = 0; i < 500; i++) say('wanders', `home/${i}`)
  expect(catalog.topicsOf('wanders')).toHaveLength(500)
  await restart()
  expect(catalog.topicsOf('wanders')).toEqual(Array.from({ length: 16 }, (_, i) => `home/${i}`))
  say('wanders', 'home/elsewhere')
  expect(catalog.topicsOf('wanders')).toContain('home/elsewhere')
  expect(records().filter(line => line.includes('"seen"'))).toHaveLength(16)
})

describe('with names that change', () => {
  it('a device is found by the name of now, and by its id, before the store has told', async () => {
    open()
    called('lamp', '0xa1')
    say('lamp', 'zigbee2mqtt/lamp')
    called('desk', '0xa1')
    // Silent since it was renamed: the name of before is still its own.
    for (const name of ['lamp', 'desk']) expect(catalog.topicsOf(name)).toEqual(['zigbee2mqtt/lamp'])
    expect(say('desk', 'zigbee2mqtt/desk')).toBe('lamp')
    for (let start = 0; start < 2; start++) {
      for (const name of ['lamp', 'desk']) expect(catalog.topicsOf(name)).toEqual(['zigbee2mqtt/desk'])
      await restart()
    }
  })

  it('one that has a name of its own is not taken for another that is called so now', async () => {
    open()
    say('lamp', 'cellar/lamp')
    called('desk', '0xa1')
    say('desk', 'zigbee2mqtt/desk')
    called('lamp', '0xa1')
    for (let start = 0; start < 2; start++) {
      expect(catalog.topicsOf('lamp')).toEqual(['cellar/lamp'])
      await restart()
    }
  })

  it('whose history it is, is decided as if the store had told', async () => {
    open()
    say('hall', 'zigbee2mqtt/hall')
    await restart()
    const formerly = { name: 'hall', topic: 'zigbee2mqtt/hall' }
    catalog.learn([{ device: 'attic', topic: 'zigbee2mqtt/attic', formerly }], 'client')
    expect(say('attic', 'zigbee2mqtt/attic')).toBe('hall')
  })
})

it('a device that is forgotten before the store has told keeps its name to itself', async () => {
  open()
  say('stove', 'kitchen/stove')
  await restart()
  expect(catalog.forget('stove', NOW_US)?.topics).toEqual(['kitchen/stove'])
  for (let start = 0; start < 2; start++) {
    expect(catalog.topicsOf('stove')).toEqual(['kitchen/stove'])
    expect(catalog.stats.counts.devices).toBe(0)
    await restart()
  }
  say('stove', 'cellar/stove')
  await restart()
  expect(catalog.topicsOf('stove')).toEqual(['cellar/stove'])
})
