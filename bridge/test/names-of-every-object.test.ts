import { encode } from 'cborg'
import { connectAsync } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

/** What every object has, or can be given. */
const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'],
  ...['__defineGetter__', '__lookupGetter__', 'toLocaleString', 'then', 'toJSON', 'length'],
]

/** SenML labels are integers [RFC 8428, 6]. */
function cborPack(base: string, name: string, value: number): Buffer {
  const first = new Map<number, string | number>([
    [-2, base],
    [0, name],
    [2, value],
  ])
  const second = new Map<number, string | number>([
    [0, 'sound'],
    [2, value],
  ])
  return Buffer.from(encode([first, second]))
}

let trestle: Trestle | null = null
const dataDir = newDataDir()
afterEach(async () => {
  await trestle?.stop()
  removeDataDir(dataDir)
})

/**
 * What every object has cannot be changed any more, in no thread: whoever tries ends the bridge. Objects may still have a
 * `toString` of their own, which libraries give them, and which freezing alone would forbid.
 */
const FREEZE = `
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const [name, { value, writable }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (!writable || name === 'length') continue
      Object.defineProperty(prototype, name, {
        get: () => value,
        set(own) {
          if (this === prototype) throw new Error('changes what every object has: ' + name)
          Object.defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true })
        },
      })
    }
    Object.freeze(prototype)
  }`

function start(): Promise<Trestle> {
  const module = `data:text/javascript;base64,${Buffer.from(FREEZE).toString('base64')}`
  return startTrestle({ dataDir, env: { NODE_OPTIONS: `--import=${module}` } })
}

it('names that every object has are names like others: in payloads, topics, devices, fields, tags and queries', async () => {
  trestle = await start()
  const client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  const say = (topic: string, payload: string | Buffer) => client.publishAsync(topic, payload, { qos: 1 })
  for (const [i, name] of NAMES.entries()) {
    const key = JSON.stringify(name)
    await Promise.all([
      say(`home/hall/${name}/state`, `{"t":${i},${key}:${i}}`),
      say(`home/hall/json-${i}/state`, `{${key}:{"a":${i},${key}:{"b":${i}}},"sound":${i},"sound":${i}}`),
      say(`home/hall/twice-${i}/state`, `{${key}:1,${key}:${i},"sound":${i}}`),
      say('plant/gateway/data', `[{"deviceId":${key},"listed":${i}}]`),
      say(`lab/line-${i}`, `${name},host=line-${i},${name}=x ${name}=${i},sound=${i}`),
      say(
        `lab/senml-${i}`,
        JSON.stringify([
          { bn: `senml-${i}`, n: name, v: i },
          { n: 'sound', v: i },
        ]),
      ),
      say(`lab/cbor-${i}/senml`, cborPack(`cbor-${i}`, name, i)),
      say(
        `homeassistant/sensor/ha-${i}/config`,
        `{"state_topic":"lab/ha-${i}/state","unique_id":${key},"value_template":"{{ value_json.${name} }}","unit_of_measurement":${key},"device":{"name":${key}},${key}:1}`,
      ),
      say(
        'zigbee2mqtt/bridge/devices',
        JSON.stringify([{ ieee_address: `0x${i}`, friendly_name: name, definition: { model: name } }]),
      ),
      say(`$aws/things/${name}/shadow/update`, `{"state":{"reported":{${key}:${i},"sound":${i}}}}`),
    ])
  }
  await client.endAsync()
  await eventually(
    () => trestle!.ledger(),
    ({ waiting }) => waiting === 0,
  )
  for (const restarts of [0, 1]) {
    const devices = new Map((await trestle.devices()).map(device => [device.id, device]))
    for (const [i, name] of NAMES.entries()) {
      expect(devices.get(name)?.fields.t?.value, name).toBe(i)
      for (const kind of ['json', 'twice', 'senml', 'cbor'])
        expect(devices.get(`${kind}-${i}`)?.fields.sound?.value, `${kind} ${name}`).toBe(i)
      const twice = devices.get(`twice-${i}`)!.fields
      if (Object.hasOwn(twice, name)) expect(twice[name]!.value, name).toBe(i)
      const query = new URLSearchParams({ device: name, field: 't', points: 'raw' })
      const history = await trestle.get<{ points: { value: number }[] }>(`/api/history?${query}`)
      expect(
        history.points.map(({ value }) => value),
        name,
      ).toEqual([i])
      for (const parameters of [
        { device: name, field: name },
        { device: 'json-0', field: name, fn: name },
      ]) {
        const { status } = await fetch(`${trestle.url}/api/history?${new URLSearchParams(parameters)}`)
        expect([200, 400, 404]).toContain(status)
      }
      expect((await fetch(`${trestle.url}/api/devices/${encodeURIComponent(name)}`)).status).toBe(200)
    }
    expect(await trestle.ledger()).toMatchObject({
      received: 10 * NAMES.length,
      quarantined: 0,
      balanced: true,
    })
    if (restarts === 1) break
    await trestle.stop()
    trestle = await start()
    // From the store and the journal, by now.
    await eventually(
      () => trestle!.devices(),
      found => found.length === devices.size,
    )
  }
})
