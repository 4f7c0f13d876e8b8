import { beforeEach, describe, expect, test } from 'vitest'
import { Buckets } from './buckets.ts'
import {
  applyReading,
  changed,
  devices,
  forget,
  labelOf,
  layoutVersion,
  learnDevice,
  learnDevices,
  updateStates,
  wasForgotten,
} from './fleet.ts'

const reading = (device: string, values: Record<string, number>, time = 1_000, room?: string) => ({
  device,
  topic: `home/${device}`,
  time,
  received: time,
  values,
  tags: (room ? { room } : {}) as Record<string, string>,
})

beforeEach(() => {
  devices.clear()
  changed.clear()
})

describe('readings', () => {
  test('make devices and fields appear, and say that the catalog knows more', () => {
    const version = layoutVersion.value
    expect(
      applyReading(reading('kitchen-air', { temperature: 21.5, co2: 684 }, 1_000, 'kitchen'), true),
    ).toBe(false)
    expect(layoutVersion.value).toBeGreaterThan(version)
    const settled = layoutVersion.value
    expect(applyReading(reading('kitchen-air', { temperature: 21.6 }, 2_000), true)).toBe(true)
    expect(layoutVersion.value).toBe(settled)
    const device = devices.get('kitchen-air')!
    expect(device.name).toBe('Kitchen air')
    expect(device.room).toBe('Kitchen')
    expect(device.primary?.name).toBe('co2')
    expect(device.fields.get('temperature')?.value).toBe(21.6)
  })

  test('an older value never replaces a newer one', () => {
    applyReading(reading('a', { t: 2 }, 2_000), true)
    applyReading(reading('a', { t: 1 }, 1_000), true)
    expect(devices.get('a')?.fields.get('t')?.value).toBe(2)
  })

  test('a snapshot gives values, not beats: it teaches no rhythm and draws no line', () => {
    applyReading(reading('a', { t: 1 }, 1_000), false)
    const device = devices.get('a')!
    device.field('t').buckets = new Buckets(240_000)
    for (let i = 1; i < 9; i++) applyReading(reading('a', { t: i }, i * 1_000), false)
    expect(device.rhythm.intervalMs()).toBeNull()
    let drawn = 0
    device.field('t').buckets?.each(0, 10_000, () => drawn++)
    expect(drawn).toBe(0)
  })
})

describe('a device that was forgotten', () => {
  const told = (device: string) => ({
    ...reading(device, {}),
    topic: '',
    values: { available: false },
    tags: { availableBy: 'forgotten' },
  })
  const listed = (...ids: string[]) => ({
    devices: ids.map(id => ({ id, fields: { t: { value: 1, time: 1_000 } } })),
    complete: true,
  })
  const ids = () => [...devices.keys()].sort()

  test('goes when live clients are told, and is no news that the catalog would know more of', () => {
    for (const id of ['a', 'b']) applyReading(reading(id, { t: 1 }), true)
    const version = layoutVersion.value
    expect(applyReading(told('a'), true)).toBe(true)
    expect(ids()).toEqual(['b'])
    expect(layoutVersion.value).toBeGreaterThan(version)
    expect([...changed].map(({ id }) => id)).toEqual(['b'])
    expect([wasForgotten('a'), wasForgotten('b')]).toEqual([true, false])
  })

  test('comes back as another one', () => {
    applyReading(reading('a', { t: 1, old: 2 }), true)
    const before = devices.get('a')
    applyReading(told('a'), true)
    expect(applyReading(reading('a', { t: 3 }, 2_000), true)).toBe(false)
    const after = devices.get('a')!
    expect(after).not.toBe(before)
    expect([...after.fields.keys()]).toEqual(['t'])
  })

  test('is not brought back by a list that was asked for before', () => {
    applyReading(reading('a', { t: 1 }), true)
    const askedAtMs = performance.now()
    forget('a')
    learnDevices(listed('a', 'b'), askedAtMs)
    expect(ids()).toEqual(['b'])
    learnDevices(listed('a', 'b'), performance.now() + 1)
    expect(ids()).toEqual(['a', 'b'])
  })

  test('is none that a list does not have: of a bridge that has just started it may lack any', () => {
    for (const id of ['a', 'b']) applyReading(reading(id, { t: 1 }), true)
    for (const { devices } of [listed('b'), listed()]) {
      learnDevices({ devices, complete: false }, performance.now() + 1)
      learnDevices({ devices }, performance.now() + 1)
    }
    expect(ids()).toEqual(['a', 'b'])
    learnDevices(listed('b'), performance.now() + 1)
    expect(ids()).toEqual(['b'])
    expect(wasForgotten('a')).toBe(false)
  })

  test('goes by the next list that has all when nobody told; who came since that was asked for stays', () => {
    for (const id of ['a', 'b']) applyReading(reading(id, { t: 1 }), true)
    const askedAtMs = performance.now() + 1
    while (performance.now() <= askedAtMs);
    applyReading(reading('c', { t: 1 }), true)
    learnDevices(listed('b'), askedAtMs)
    expect(ids()).toEqual(['b', 'c'])
    expect(wasForgotten('a')).toBe(false)
  })
})

test('the catalog names things and never takes a live value back', () => {
  applyReading(reading('0x00158d', { temperature: 22 }, 5_000), true)
  learnDevice({
    id: '0x00158d',
    name: 'Hall climate',
    room: 'hall',
    lastSeen: 4_000,
    fields: {
      temperature: { value: 20, time: 4_000, unit: '°C' },
      battery: { value: 91, time: 4_000, unit: '%' },
    },
  })
  const device = devices.get('0x00158d')!
  expect(device.name).toBe('Hall climate')
  expect(device.fields.get('temperature')).toMatchObject({ value: 22, unit: '°C', decimals: 1 })
  expect(device.lastMs).toBe(5_000)
})

test('a state that moves marks its device for drawing', () => {
  for (let i = 1; i <= 5; i++) applyReading(reading('a', { t: i }, i * 5_000), true)
  changed.clear()
  updateStates(26_000, true)
  expect(changed.size).toBe(0)
  updateStates(41_000, true)
  expect([...changed].map(d => d.state)).toEqual(['late'])
})

test('labels', () => {
  expect(labelOf('living_room')).toBe('Living room')
  expect(labelOf('shellyplusplugs-80646fd0c3a4')).toBe('shellyplusplugs-80646fd0c3a4')
  expect(labelOf('0xABC')).toBe('0xABC')
  expect(labelOf('TV and hi-fi')).toBe('TV and hi-fi')
})
