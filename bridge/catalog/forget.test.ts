import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LastValue } from '../store/store.ts'
import type { Reading, Value } from '../telemetry/reading.ts'
import { Catalog, type TypeScope } from './catalog.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-forget-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000
const journalPath = () => join(dir, 'catalog.jsonl')

function open(scope: TypeScope = 'device', devices = 20): Catalog {
  return new Catalog({ journalPath: journalPath(), scope, limits: { devices } })
}

function reading(device: string, value: Value, topic = `home/${device}`): Reading {
  return {
    device,
    measurement: 'reading',
    tags: { topic },
    fields: [{ name: 'temperature', value }],
    timeUs: null,
  }
}

/** As the store remembers it. */
function lastValue(device: string, timeUs: number): LastValue {
  const tags = { topic: `home/${device}` }
  return { device, field: 'temperature', measurement: 'reading', tags, value: 21.5, timeUs }
}

const say = (catalog: Catalog, device: string, atUs = NOW_US, topic?: string) =>
  catalog.accept(reading(device, 21.5, topic), 'general', atUs, 'client')

async function reopened(catalog: Catalog, scope?: TypeScope): Promise<Catalog> {
  await catalog.close()
  return open(scope)
}

const sayTime = (catalog: Catalog, device: string, atUs: number) => say(catalog, device, atUs).timeUs

const hidden = (catalog: Catalog) => Array.from(catalog.hiddenDevices(), device => device.hidden)

const ids = (catalog: Catalog) => [...catalog.devices()].map(({ id }) => id)

describe.each<TypeScope>(['device', 'measurement'])('a device that is forgotten, with types by %s', scope => {
  it('is in no list, takes no room, and is not brought back by what the store has of it', async () => {
    let catalog = open(scope)
    for (const device of ['gone', 'stays']) say(catalog, device)
    catalog.learn([{ device: 'gone', name: 'Old one', topic: 'home/gone' }], 'client')
    expect(catalog.forget('gone', NOW_US + 5)).toEqual({
      id: 'gone',
      names: ['gone'],
      topics: ['home/gone'],
      lastSeenUs: NOW_US,
    })
    for (let start = 0; start < 3; start++) {
      expect(catalog.stats.counts.devices).toBe(1)
      catalog.fill([lastValue('gone', NOW_US + 5), lastValue('stays', NOW_US)])
      expect(ids(catalog)).toEqual(['stays'])
      expect(catalog.stats.counts).toEqual({ devices: 1, series: 1 })
      expect([...catalog.lastReadings()].map(({ device }) => device)).toEqual(['stays'])
      expect([...catalog.facts()].filter(({ device }) => device === 'gone')).toEqual([])
      expect(catalog.forget('gone', NOW_US)).toBeNull()
      catalog = await reopened(catalog, scope)
    }
    await catalog.close()
  })

  it('is a new one when it speaks again, with the types of before, and stays one', async () => {
    let catalog = open(scope)
    say(catalog, 'back')
    catalog.learn([{ device: 'back', name: 'Old one', topic: 'home/back' }], 'client')
    catalog.forget('back', NOW_US + 5)
    expect(say(catalog, 'back', NOW_US + 1e6).line).toMatch(/^reading,device=back,.* temperature=21.5 /)
    expect(catalog.device('back')).toMatchObject({ name: 'back', fields: { temperature: { value: 21.5 } } })
    // What the store has is of one type.
    const other = catalog.accept(reading('back', 'warm'), 'general', NOW_US + 2e6, 'client')
    expect(other.fields.map(({ name }) => name)).toEqual(['temperature_text'])
    for (let start = 0; start < 2; start++) {
      catalog = await reopened(catalog, scope)
      expect(catalog.stats.counts.devices).toBe(1)
      catalog.fill([lastValue('back', NOW_US), lastValue('back', NOW_US + 1e6)])
      expect(catalog.device('back')?.fields.temperature?.time).toBe((NOW_US + 1e6) / 1000)
    }
    await catalog.close()
  })

  it('is forgotten as well by a journal that was written anew', async () => {
    let catalog = open(scope)
    for (const device of ['gone', 'back', 'stays']) say(catalog, device)
    catalog.forget('gone', NOW_US)
    catalog.forget('back', NOW_US)
    say(catalog, 'back', NOW_US + 1)
    await catalog.flush()
    // Much ado about nothing, so that it is written anew.
    for (let n = 0; n < 6000; n++) catalog.learn([{ device: 'stays', name: `${n} ${'x'.repeat(1000)}` }])
    await catalog.flush()
    expect(statSync(journalPath()).size).toBeLessThan(100_000)
    for (let start = 0; start < 2; start++) {
      catalog = await reopened(catalog, scope)
      expect(catalog.stats.counts.devices).toBe(2)
      catalog.fill([lastValue('gone', NOW_US), lastValue('back', NOW_US), lastValue('stays', NOW_US)])
      expect(ids(catalog)).toEqual(['stays'])
      catalog.fill([lastValue('back', NOW_US + 1)])
      expect(ids(catalog).toSorted()).toEqual(['back', 'stays'])
    }
    await catalog.close()
  })
})

it('makes room: a house at its cap takes another in its place', async () => {
  const catalog = open('device', 10)
  for (let i = 0; i < 10; i++) catalog.accept(reading(`d-${i}`, 1), 'general', NOW_US)
  const full = () => catalog.accept(reading('next', 1), 'general', NOW_US).refused
  expect(full()).toBe('too-many-devices')
  catalog.forget('d-3', NOW_US)
  expect(full()).toBeNull()
  expect(catalog.stats.counts).toEqual({ devices: 10, series: 10 })
  await catalog.close()
})

it('has a history that goes on when it comes back, also by the name of now, and is nobody else’s', async () => {
  let catalog = open()
  const sight = (name: string, address: string) =>
    catalog.learn([{ device: name, identity: `zigbee:${address}`, topic: `zigbee2mqtt/${name}` }], 'client')
  const sayAs = (name: string, atUs = NOW_US) => say(catalog, name, atUs, `zigbee2mqtt/${name}`).device
  sight('lamp', '0xa1')
  sayAs('lamp')
  sight('desk', '0xa1')
  expect(sayAs('desk')).toBe('lamp')
  expect(catalog.forget(catalog.idOf('desk'), NOW_US)).toMatchObject({ id: 'lamp', names: ['lamp', 'desk'] })
  expect(catalog.device('desk')).toBeNull()
  expect(ids(catalog)).toEqual([])
  catalog = await reopened(catalog)
  // Another lamp, of the name that the first one had.
  sight('lamp', '0xb2')
  expect(sayAs('lamp', NOW_US + 1)).toBe('lamp~2')
  expect(sayAs('desk', NOW_US + 1)).toBe('lamp')
  expect(ids(catalog).toSorted()).toEqual(['lamp', 'lamp~2'])
  await catalog.close()
})

it('its topics are those that no other device has', async () => {
  const catalog = open()
  say(catalog, 'one', NOW_US, 'gateway/all')
  say(catalog, 'two', NOW_US, 'gateway/all')
  say(catalog, 'one', NOW_US, 'gateway/one')
  expect(catalog.forget('one', NOW_US)?.topics).toEqual(['gateway/one'])
  await catalog.close()
})

it('times that it put ahead of our clock do not bring it back', async () => {
  const catalog = open()
  const aheadUs = NOW_US + 60e6
  catalog.accept({ ...reading('ahead', 1), timeUs: aheadUs }, 'general', NOW_US, 'client')
  catalog.forget('ahead', NOW_US)
  catalog.fill([lastValue('ahead', aheadUs)])
  expect(ids(catalog)).toEqual([])
  await catalog.close()
})

it('where it was heard is remembered until it is back, also over restarts: it is no new device to others', async () => {
  let catalog = open()
  say(catalog, 'stove', NOW_US, 'kitchen/stove')
  catalog.forget('stove', NOW_US)
  for (let start = 0; start < 2; start++) {
    expect(catalog.topicsOf('stove')).toEqual(['kitchen/stove'])
    catalog.learn([{ device: 'stove', name: 'Stove' }], 'client')
    expect(catalog.topicsOf('stove')).toEqual(['kitchen/stove'])
    catalog = await reopened(catalog)
  }
  say(catalog, 'stove', NOW_US + 1, 'cellar/stove')
  expect(catalog.topicsOf('stove')).toEqual(['cellar/stove'])
  expect(catalog.topicsOf('new')).toEqual([])
  await catalog.close()
})

it('a point of it is never written over when it is back, also after a restart and by a clock that was set back', async () => {
  let catalog = open()
  const times = Array.from({ length: 5 }, () => sayTime(catalog, 'back', NOW_US))
  catalog.forget('back', NOW_US)
  times.push(sayTime(catalog, 'back', NOW_US))
  catalog.forget('back', NOW_US - 60e6)
  catalog = await reopened(catalog)
  catalog.fill([lastValue('back', Math.max(...times))])
  times.push(sayTime(catalog, 'back', NOW_US), sayTime(catalog, 'back', NOW_US - 60e6))
  expect(new Set(times).size).toBe(times.length)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  await catalog.close()
})

it('those of the longest ago are not remembered for ever: they take no room, and leave nothing in the journal', async () => {
  let catalog = open('device', 3)
  const gone = Array.from({ length: 5 }, (_, i) => `gone-${i}`)
  for (const id of gone) {
    say(catalog, id)
    catalog.forget(id, NOW_US)
  }
  expect(catalog.stats.forgottenEvicted).toBe(2)
  say(catalog, 'stays')
  for (let n = 0; n < 6000; n++) catalog.learn([{ device: 'stays', name: `${n} ${'x'.repeat(1000)}` }])
  await catalog.flush()
  const journal = readFileSync(journalPath(), 'utf8')
  expect(gone.filter(id => journal.includes(id))).toEqual(gone.slice(2))
  for (let start = 0; start < 2; start++) {
    await catalog.close()
    catalog = open('device', 3)
    expect(catalog.stats.counts.devices).toBe(1)
    catalog.fill([lastValue('stays', NOW_US), lastValue('gone-4', NOW_US)])
    expect(ids(catalog)).toEqual(['stays'])
  }
  await catalog.close()
})

it('their types take no more room than series may', async () => {
  const limits = { devices: 20, series: 20 }
  const catalog = new Catalog({ journalPath: journalPath(), scope: 'device', limits })
  for (let i = 0; i < 5; i++) {
    const fields = Array.from({ length: 8 }, (_, n) => ({ name: `f${n}`, value: n }))
    catalog.accept({ ...reading(`gone-${i}`, 1), fields }, 'general', NOW_US)
    catalog.forget(`gone-${i}`, NOW_US)
  }
  expect(catalog.stats.forgottenEvicted).toBe(3)
  await catalog.close()
})

it('types that devices share, and no device has any more, take no more room than series may', async () => {
  const limits = { devices: 20, series: 20 }
  const open = () => new Catalog({ journalPath: journalPath(), scope: 'measurement', limits })
  let catalog = open()
  const sayAll = (device: string, from: number) => {
    const fields = Array.from({ length: 8 }, (_, n) => ({ name: `f${from + n}`, value: n }))
    catalog.accept({ ...reading(device, 1), fields }, 'general', NOW_US)
  }
  const typeOf = (device: string, name: string) => {
    const fields = [{ name, value: 'text' }]
    return catalog.accept({ ...reading(device, 1), fields }, 'general', NOW_US).fields[0]?.name
  }
  sayAll('stays', 100)
  for (let i = 0; i < 2; i++) {
    sayAll(`gone-${i}`, i * 8)
    // Which types are unused is known once the store has told.
    catalog.forget(`gone-${i}`, NOW_US)
  }
  expect(catalog.stats.typesDropped).toBe(0)
  catalog.isComplete = true
  catalog.learn([{ device: 'told', name: 'Told' }])
  catalog.forget('told', NOW_US)
  expect(catalog.stats.typesDropped).toBe(16)
  // The others are what they were, also in the journal.
  expect([typeOf('stays', 'f100'), typeOf('new', 'f107'), typeOf('new', 'f0')]).toEqual([
    'f100_text',
    'f107_text',
    'f0',
  ])
  await catalog.close()
  catalog = open()
  expect(typeOf('new', 'f100')).toBe('f100_text')
  await catalog.close()
})

it('one that is back keeps its types when there is no room to remember that it was gone', async () => {
  let catalog = open('device', 1)
  say(catalog, 'back')
  catalog.forget('back', NOW_US)
  say(catalog, 'back', NOW_US + 1)
  await catalog.close()
  catalog = open('device', 0)
  const warm = catalog.accept(reading('back', 'warm'), 'general', NOW_US + 2, 'client')
  expect(warm.fields.map(({ name }) => name)).toEqual(['temperature_text'])
  await catalog.close()
})

it('a journal of before, in which types tell of devices, says the same', async () => {
  const type = (device: string) => ({ type: 'number', measurement: 'reading', device, field: 'temperature' })
  const lines = [type('gone'), type('stays'), { forgotten: 'gone', untilUs: NOW_US }, type('new')]
  writeFileSync(journalPath(), lines.map(line => `${JSON.stringify(line)}\n`).join(''))
  let catalog = open()
  for (let start = 0; start < 2; start++) {
    expect(catalog.stats.counts.devices).toBe(2)
    catalog.fill(['gone', 'stays', 'new'].map(device => lastValue(device, NOW_US)))
    expect(ids(catalog).toSorted()).toEqual(['new', 'stays'])
    catalog = await reopened(catalog)
  }
  const warm = catalog.accept(reading('gone', 'warm'), 'general', NOW_US + 2, 'client')
  expect(warm.fields.map(({ name }) => name)).toEqual(['temperature_text'])
  await catalog.close()
})

it('is taken out by its id alone: asked once more, another of that name stays', async () => {
  const catalog = open()
  const sight = (name: string) =>
    catalog.learn([{ device: name, identity: 'zigbee:0xa1', topic: `zigbee2mqtt/${name}` }], 'client')
  say(catalog, 'lamp', NOW_US, 'cellar/lamp')
  sight('desk')
  say(catalog, 'desk', NOW_US, 'zigbee2mqtt/desk')
  sight('lamp')
  say(catalog, 'lamp', NOW_US, 'zigbee2mqtt/lamp')
  expect(catalog.forget('lamp', NOW_US)?.id).toBe('lamp')
  expect(catalog.device('lamp')?.id).toBe('desk')
  expect(catalog.forget('lamp', NOW_US)).toBeNull()
  expect(ids(catalog)).toEqual(['desk'])
  await catalog.close()
})

it('is called what it was called last until it has another name, also when it was forgotten once more', async () => {
  let catalog = open()
  say(catalog, 'pump')
  catalog.learn([{ device: 'pump', name: 'Pump' }], 'client')
  for (let time = 0; time < 2; time++) {
    catalog.forget('pump', NOW_US)
    catalog = await reopened(catalog)
    say(catalog, 'pump', NOW_US + 1)
    expect(catalog.names.of('pump')).toBe('Pump')
  }
  await catalog.close()
})

it('what only discovery tells of is in no list, takes room, and can be forgotten', async () => {
  let catalog = open('device', 10)
  for (let i = 0; i < 10; i++) catalog.learn([{ device: `told-${i}`, name: 'Told' }])
  expect(catalog.device('told-3')).toBeNull()
  expect([ids(catalog), hidden(catalog)]).toEqual([[], Array(10).fill('not-heard')])
  expect(say(catalog, 'heard').refused).toBe('too-many-devices')
  expect(catalog.forget('told-3', NOW_US)).toMatchObject({ id: 'told-3', topics: [], lastSeenUs: 0 })
  catalog = await reopened(catalog)
  expect(catalog.stats.counts.devices).toBe(9)
  expect(say(catalog, 'heard').refused).toBeNull()
  await catalog.close()
})

it('one of before the start is hidden until the store has told of it, and can be forgotten before', async () => {
  let catalog = open()
  for (const device of ['stored', 'aged', 'gone']) say(catalog, device)
  catalog = await reopened(catalog)
  expect(hidden(catalog)).toEqual(['not-heard', 'not-heard', 'not-heard'])
  expect(catalog.forget('gone', NOW_US)).toMatchObject({ id: 'gone', names: ['gone'], topics: ['home/gone'] })
  catalog.fill([lastValue('stored', NOW_US), lastValue('gone', NOW_US)])
  expect(ids(catalog)).toEqual(['stored'])
  // What the store has nothing of any more still has its place.
  expect([...catalog.hiddenDevices()]).toEqual([
    {
      id: 'aged',
      name: 'aged',
      room: null,
      model: null,
      family: null,
      topics: ['home/aged'],
      hidden: 'not-heard',
    },
  ])
  expect(catalog.stats.counts.devices).toBe(2)
  await catalog.close()
})

it('the word that it is gone, of its gateway or its will, does not bring it back; that it is there does', async () => {
  const catalog = open()
  say(catalog, 'pump')
  catalog.forget('pump', NOW_US)
  const told = (available: boolean) =>
    catalog.learn([{ device: 'pump', family: 'sparkplug-b', available }], 'client')
  expect(told(false)).toBeNull()
  expect(catalog.stats.counts.devices).toBe(0)
  told(true)
  expect(hidden(catalog)).toEqual(['not-heard'])
  told(false)
  say(catalog, 'pump', NOW_US + 1)
  expect(catalog.device('pump')).toMatchObject({ available: false, availableBy: 'word' })
  await catalog.close()
})

it('what came under a name before it was told whose it is can be forgotten: who has the name now stays', async () => {
  const catalog = open()
  const sight = (name: string) =>
    catalog.learn([{ device: name, identity: 'zigbee:0xa1', topic: `zigbee2mqtt/${name}` }], 'client')
  sight('lamp')
  say(catalog, 'lamp', NOW_US, 'zigbee2mqtt/lamp')
  say(catalog, 'desk', NOW_US, 'zigbee2mqtt/desk')
  sight('desk')
  expect([ids(catalog), catalog.stats.counts.devices]).toEqual([['lamp'], 2])
  expect([...catalog.hiddenDevices()]).toMatchObject([
    { id: 'desk', topics: ['zigbee2mqtt/desk'], hidden: 'renamed' },
  ])
  // What is retained there, and what is known by that name, is of the lamp.
  expect(catalog.forget('desk', NOW_US)).toMatchObject({ id: 'desk', names: [], topics: [] })
  expect([ids(catalog), catalog.stats.counts.devices]).toEqual([['lamp'], 1])
  expect(say(catalog, 'desk', NOW_US, 'zigbee2mqtt/desk').device).toBe('lamp')
  expect(catalog.topicsOf('desk')).toEqual(['zigbee2mqtt/desk'])
  await catalog.close()
})
