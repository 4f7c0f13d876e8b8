import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDecoder } from './decoder.ts'
import { rowOf } from './key-rows.ts'
import { recipeOf } from './recipe.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000
const recipeFor = (...names: string[]) => recipeOf(rowOf(Object.fromEntries(names.map(name => [name, 1]))))

it('keys that settle what an object says make a recipe', () => {
  expect(recipeFor('temperature', 'room_humidity', 'temp_C', 'ts')).toEqual({
    timeAt: 3,
    fields: [
      { at: 0, name: 'temperature', told: 'temperature', unit: undefined },
      { at: 1, name: 'room_humidity', told: 'room_humidity', unit: undefined },
      { at: 2, name: 'temp_C', told: 'temp_C', unit: '°C' },
    ],
  })
  expect(recipeFor('room')?.fields).toEqual([{ at: 0, name: 'room_', told: 'room', unit: undefined }])
  expect(recipeFor('temperature')?.timeAt).toBe(-1)
})

it.each([
  [['temperature', 'id'], 'whose values they are'],
  [['value'], 'an envelope, or one value'],
  [['temperature', 'temperature_unit'], 'units for others'],
  [['temperature', 'time', 'ts'], 'two times'],
  [['ts'], 'nothing but a time'],
  [['room', 'room_'], 'two fields of one name'],
])('%j makes none: %s', names => {
  expect(recipeFor(...names)).toBeNull()
})

const key = fc.constantFrom(
  ...[
    'temperature',
    'humidity',
    'temp_C',
    'power_W',
    'time',
    't',
    'ts',
    'date',
    'lastSeen',
    'id',
    'deviceId',
    'name',
  ],
  ...[
    'value',
    'v',
    'unit',
    'meta',
    'data',
    'room',
    'room_',
    'state',
    '3',
    'constructor',
    'model',
    'battery',
    'a b',
  ],
)
const number = fc.oneof(
  fc.integer({ min: -50, max: 5000 }),
  fc.double({ min: -100, max: 100, noNaN: true }).map(value => Math.round(value * 100) / 100),
  fc.constantFrom(0, -0, NOW_US / 1000, NOW_US / 1e6, NOW_US, 1e8, 1e12),
)
const objects = fc
  .uniqueArray(key, { minLength: 1, maxLength: 5 })
  .chain(names =>
    fc
      .array(fc.tuple(...names.map(() => number)), { minLength: 2, maxLength: 4 })
      .map(rows => ({ names, rows })),
  )
const topic = fc.constantFrom(
  ...[
    'home/hall/thermo-1/state',
    'home/hall/thermo-1/climate/temperature',
    'sensors',
    'zigbee2mqtt/kitchen',
    'a/b/c/d/e/f',
  ],
  ...[
    'tele/plug/SENSOR',
    'rtl_433/gateway/devices/Acurite/1',
    'shellies/shelly-1/sensor/temperature',
    'temperature',
  ],
)

it('what is read by a recipe is what the general rules read', () => {
  let byRecipe = 0
  fc.assert(
    fc.property(topic, objects, fc.boolean(), (topic, { names, rows }, isTold) => {
      const create = () => {
        const decoder = createDecoder()
        const facts = ['temperature', 'power_W', 'room'].map(field => ({
          device: 'thermo-1',
          topic,
          field,
          unit: 'K',
        }))
        if (isTold) decoder.learn(facts)
        return decoder
      }
      const known = create()
      for (const row of rows) {
        const text = `{${names.map((name, i) => `"${name}":${Object.is(row[i], -0) ? '-0' : row[i]}`).join()}}`
        const message = { topic, payload: Buffer.from(text), retain: false }
        // The first time on a topic everything is read by the general rules.
        expect(known.decode(message, NOW_US)).toEqual(create().decode(message, NOW_US))
      }
      if (recipeFor(...names) !== null) byRecipe++
    }),
    { numRuns: 3_000 },
  )
  expect(byRecipe).toBeGreaterThan(300)
})
