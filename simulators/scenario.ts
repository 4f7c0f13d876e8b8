/** Scenario files: YAML, checked whole before anything runs, every mistake told with its place. */

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Device } from './device.ts'
import { KINDS, type Kind } from './devices/kinds.ts'
import { LOADS } from './devices/loads.ts'
import { faultSchema } from './faults/plan.ts'
import { House } from './house/house.ts'
import { fieldSchema, ownDevice } from './own-device.ts'
import type { Scene } from './play.ts'
import type { Random } from './random.ts'

const name = z
  .string()
  .min(1)
  .max(80)
  .regex(/^[^/+#\0]*$/, 'no "/", "+" or "#" in a name')

const roomSchema = z.strictObject({
  setpoint: z.number().min(0).max(35).optional(),
  glazing: z.number().min(0).max(1).optional(),
  outside: z.boolean().optional(),
  wet: z.boolean().optional(),
})

const common = {
  room: name,
  name: name.optional(),
  /** So many of them, numbered. */
  count: z.number().int().min(1).max(10_000).default(1),
  /** Seconds between reports. */
  every: z.number().positive().optional(),
}

const readyMadeSchema = z.strictObject({
  ...common,
  kind: z.enum(Object.keys(KINDS) as [Kind, ...Kind[]]),
  load: z.enum(LOADS).optional(),
})

const ownSchema = z.strictObject({
  ...common,
  shape: z.enum(['plain-json', 'zigbee2mqtt', 'tasmota', 'shelly', 'esphome', 'homie', 'sparkplug']),
  name,
  fields: z.record(name.or(z.string().regex(/^[^+#\0]+$/)), fieldSchema),
  /** Fields that are reported as soon as they change. */
  watch: z.array(z.string()).optional(),
})

export const scenarioSchema = z.strictObject({
  name: z.string().optional(),
  people: z.number().int().min(0).max(20).default(2),
  rooms: z.record(name, roomSchema.nullable()).default({}),
  devices: z.array(z.union([readyMadeSchema, ownSchema])).min(1),
  /** For the whole run, unless `--fault` names others. */
  faults: faultSchema.default({}),
})

export type Scenario = z.infer<typeof scenarioSchema>
export type OwnDevice = z.infer<typeof ownSchema>

export interface LoadedScenario extends Scene {
  readonly faults: Scenario['faults']
}

/** Throws with all that is wrong in the file. */
export function loadScenario(file: string): LoadedScenario {
  return scenarioOf(readFileSync(file, 'utf8'), file)
}

export function scenarioOf(text: string, file: string): LoadedScenario {
  let document: unknown
  try {
    document = parse(text)
  } catch (error) {
    throw new Error(`${file} is not YAML: ${(error as Error).message}`)
  }
  const parsed = scenarioSchema.safeParse(document, { reportInput: false })
  if (!parsed.success) throw new Error(`${file}:\n${mistakesIn(parsed.error, document).join('\n')}`)
  const scenario = parsed.data
  const devices = (random: Random, startMs: number) => build(scenario, random, startMs)
  return { name: scenario.name ?? basename(file), faults: scenario.faults, devices }
}

/** Of a device that is neither, only the mistakes of what it looks like are told. */
function mistakesIn(error: z.ZodError, document: unknown): string[] {
  return error.issues.flatMap(issue => {
    if (issue.code !== 'invalid_union') return [`  ${issue.path.join('.') || 'file'}: ${issue.message}`]
    const device = at(document, issue.path)
    const schema =
      typeof device === 'object' && device !== null && 'kind' in device ? readyMadeSchema : ownSchema
    const inner = schema.safeParse(device)
    if (inner.success) return []
    return inner.error.issues.map(
      ({ path, message }) => `  ${[...issue.path, ...path].join('.')}: ${message}`,
    )
  })
}

function at(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    document,
  )
}

function build({ rooms, devices, people }: Scenario, random: Random, startMs: number): Device[] {
  const named = new Map(Object.entries(rooms))
  for (const { room } of devices) if (!named.has(room)) named.set(room, null)
  const options = [...named].map(([room, given]) => {
    const { outside, wet, setpoint, glazing } = given ?? {}
    return [
      room,
      {
        ...(setpoint === undefined ? {} : { setpoint }),
        ...(glazing === undefined ? {} : { glazing }),
        isOutside: outside ?? room === 'garden',
        isWet: wet ?? false,
      },
    ] as const
  })
  const house = new House(Object.fromEntries(options), random.fork('house'), startMs, { people })
  return devices.flatMap(device => {
    const base =
      device.name ?? `${device.room}_${'kind' in device ? device.kind : device.shape}`.replaceAll('-', '_')
    return Array.from({ length: device.count }, (_, i) => {
      const own = device.count === 1 ? base : `${base}_${i + 1}`
      const place = {
        house,
        room: house.room(device.room),
        name: own,
        random: random.fork(own),
        everyS: device.every,
      }
      return 'kind' in device ? KINDS[device.kind]({ ...place, load: device.load }) : ownDevice(device, place)
    })
  })
}
