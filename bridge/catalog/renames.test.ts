import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDecoder, type DecoderOptions } from '../decode/decoder.ts'
import { Catalog } from './catalog.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-renames-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

/** Decoder and catalog as the pipeline joins them. */
function bridge(options: DecoderOptions = {}) {
  const catalog = new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device' })
  const decoder = createDecoder(options)
  decoder.learn(catalog.facts())
  return {
    catalog,
    /** Under which devices the readings of a message are stored. */
    say(topic: string, payload: unknown, client: string | null = null): string[] {
      const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
      const decoded = decoder.decode({ topic, payload: bytes, retain: false, identity: client }, NOW_US)
      if (decoded.facts) catalog.learn(decoded.facts, client, topic)
      if (decoded.kind !== 'readings') return []
      return decoded.readings.map(reading => catalog.accept(reading, decoded.by, NOW_US, client).device)
    },
    async restart() {
      await catalog.close()
      return bridge(options)
    },
  }
}

/** `zigbee2mqtt/bridge/devices`: address and name of each. */
function list(...devices: [address: string, name: string][]) {
  return devices.map(([ieee_address, friendly_name]) => ({
    ieee_address,
    friendly_name,
    type: 'EndDevice',
    definition: { model: 'M1', exposes: [{ property: 'temperature', unit: '°C' }] },
  }))
}

const WARM = { temperature: 21.5 }

describe('a rename in Zigbee2MQTT keeps the history', () => {
  it('by the list of devices, and over a restart', async () => {
    let home = bridge()
    home.say('zigbee2mqtt/bridge/devices', list(['0xa1', '0xa1']))
    expect(home.say('zigbee2mqtt/0xa1', WARM)).toEqual(['0xa1'])
    home.say('zigbee2mqtt/bridge/devices', list(['0xa1', 'kitchen']))
    expect(home.say('zigbee2mqtt/kitchen', WARM)).toEqual(['0xa1'])
    for (let start = 0; start < 2; start++) {
      expect(home.catalog.device('kitchen')).toMatchObject({
        id: '0xa1',
        name: 'kitchen',
        fields: { temperature: { value: 21.5, unit: '°C' } },
      })
      expect(home.catalog.device('0xa1')?.topics).not.toContain('zigbee2mqtt/0xa1')
      expect(Array.from(home.catalog.devices(), ({ id }) => id)).toEqual(['0xa1'])
      home = await home.restart()
      expect(home.say('zigbee2mqtt/kitchen', WARM)).toEqual(['0xa1'])
      expect(home.say('zigbee2mqtt/kitchen/availability', '{"state":"online"}')).toEqual(['0xa1'])
    }
  })

  it('by the answer to the request alone', () => {
    const { say, catalog } = bridge()
    say('zigbee2mqtt/hall', WARM)
    say('zigbee2mqtt/bridge/response/device/rename', { data: { from: 'hall', to: 'a/b' }, status: 'ok' })
    expect(say('zigbee2mqtt/a/b', WARM)).toEqual(['hall'])
    expect(catalog.device('a/b')).toMatchObject({ id: 'hall', name: 'a/b' })
    // The list comes later, with the address.
    say('zigbee2mqtt/bridge/devices', list(['0xb2', 'a/b']))
    say('zigbee2mqtt/bridge/devices', list(['0xb2', 'c']))
    expect(say('zigbee2mqtt/c', WARM)).toEqual(['hall'])
    say('zigbee2mqtt/bridge/response/device/rename', { data: { from: 'c', to: 'd' }, status: 'error' })
    expect(say('zigbee2mqtt/d', WARM)).toEqual(['d'])
  })

  it('when two swap their names, at once or by a third name', async () => {
    let home = bridge()
    home.say('zigbee2mqtt/bridge/devices', list(['0xa1', 'a'], ['0xb2', 'b']))
    const where = () => [home.say('zigbee2mqtt/a', WARM), home.say('zigbee2mqtt/b', WARM)].flat()
    expect(where()).toEqual(['a', 'b'])
    home.say('zigbee2mqtt/bridge/devices', list(['0xa1', 'b'], ['0xb2', 'a']))
    expect(where()).toEqual(['b', 'a'])
    home = await home.restart()
    expect(where()).toEqual(['b', 'a'])
    expect(home.catalog.device('a')).toMatchObject({ id: 'a', name: 'b' })
    for (const [one, other] of [
      ['x', 'a'],
      ['x', 'b'],
      ['a', 'b'],
    ] as const)
      home.say('zigbee2mqtt/bridge/devices', list(['0xa1', one], ['0xb2', other]))
    expect(where()).toEqual(['a', 'b'])
  })

  it('and what came under the new name before it was told is no device of its own', () => {
    const { say, catalog } = bridge()
    say('zigbee2mqtt/bridge/devices', list(['0xa1', 'a']))
    say('zigbee2mqtt/a', WARM)
    expect(say('zigbee2mqtt/b', WARM)).toEqual(['b'])
    say('zigbee2mqtt/bridge/devices', list(['0xa1', 'b']))
    expect(say('zigbee2mqtt/b', WARM)).toEqual(['a'])
    expect(Array.from(catalog.devices(), ({ id }) => id)).toEqual(['a'])
    expect(catalog.device('b')?.id).toBe('a')
    // A device of that name that is somebody else's counts before a name.
    say('home/hall/b/state', WARM)
    expect(catalog.device('b')?.id).toBe('b')
  })
})

describe('another device under the same name', () => {
  it('does not get the history of the one before', async () => {
    let home = bridge()
    home.say('zigbee2mqtt/bridge/devices', list(['0xa1', 'kitchen']))
    home.say('zigbee2mqtt/kitchen', WARM)
    home.say('zigbee2mqtt/bridge/devices', list(['0xb2', 'kitchen']))
    expect(home.say('zigbee2mqtt/kitchen', WARM)).toEqual(['kitchen~2'])
    home = await home.restart()
    expect(home.say('zigbee2mqtt/kitchen', WARM)).toEqual(['kitchen~2'])
    expect(home.catalog.device('kitchen~2')).toMatchObject({
      name: 'kitchen',
      topics: ['zigbee2mqtt/kitchen'],
    })
    // The old one may come back.
    home.say('zigbee2mqtt/bridge/devices', list(['0xb2', 'kitchen'], ['0xa1', 'attic']))
    expect(home.say('zigbee2mqtt/attic', WARM)).toEqual(['kitchen'])
  })

  it('of another gateway is another one, unless they were one from the beginning', () => {
    const { say } = bridge()
    say('zigbee2mqtt/bridge/devices', list(['0xa1', 'lamp'], ['0xa2', 'door']))
    say('zigbee2mqtt/lamp', WARM)
    say('zigbee2mqtt/door', WARM)
    expect(say('zigbee2mqtt-attic/door', WARM)).toEqual(['door'])
    say('zigbee2mqtt-attic/bridge/devices', list(['0xb1', 'lamp'], ['0xb2', 'door']))
    expect(say('zigbee2mqtt-attic/lamp', WARM)).toEqual(['lamp~2'])
    expect(say('zigbee2mqtt-attic/door', WARM)).toEqual(['door'])
    expect(say('zigbee2mqtt/lamp', WARM)).toEqual(['lamp'])
  })
})

describe('other families', () => {
  it('Tasmota: another topic under the same MAC', () => {
    const { say, catalog } = bridge()
    const announce = (t: string) =>
      say('tasmota/discovery/A1B2C3D4E5F6/config', { t, dn: 'Plug', ft: '%prefix%/%topic%/' })
    announce('tasmota_D4E5F6')
    expect(say('tele/tasmota_D4E5F6/SENSOR', { ENERGY: { Power: 3 } })).toEqual(['tasmota_D4E5F6'])
    announce('washer')
    expect(say('tele/washer/SENSOR', { ENERGY: { Power: 3 } })).toEqual(['tasmota_D4E5F6'])
    expect(say('stat/washer/POWER', 'ON')).toEqual(['tasmota_D4E5F6'])
    expect(catalog.device('washer')?.topics).toEqual(['tele/washer/SENSOR', 'stat/washer/POWER'])
  })

  it('Home Assistant discovery: another state topic of the same entity, but not of one that was there before', () => {
    const { say } = bridge()
    const config = (stat_t: string) =>
      say('homeassistant/sensor/pump/flow/config', {
        stat_t,
        uniq_id: 'pump_flow',
        dev: { name: 'Pump' },
        name: 'Flow',
      })
    config('garden/pump1/flow')
    expect(say('garden/pump1/flow', '5')).toEqual(['pump1'])
    config('garden/pump2/flow')
    expect(say('garden/pump2/flow', '5')).toEqual(['pump1'])
    expect(say('garden/tank1/flow', '5')).toEqual(['tank1'])
    config('garden/tank1/flow')
    expect(say('garden/tank1/flow', '5')).toEqual(['tank1'])
  })

  it('Home Assistant discovery: the entities of one device on many topics stay one device', () => {
    const { say } = bridge()
    for (const object of ['flow', 'level', 'power'])
      say(`homeassistant/sensor/${object}/config`, {
        stat_t: `garden/pump1/${object}`,
        uniq_id: object,
        name: object,
      })
    for (const object of ['flow', 'level', 'power'])
      expect(say(`garden/pump1/${object}`, '5')).toEqual(['pump1'])
  })

  it('ChirpStack: another name for the same EUI', () => {
    const { say } = bridge()
    const up = (deviceName: string) =>
      say('application/9/device/24e124785b123456/event/up', {
        deviceInfo: { deviceName, devEui: '24e124785b123456' },
        object: WARM,
      })
    expect(up('em500')).toEqual(['em500'])
    expect(up('Cellar')).toEqual(['em500'])
    expect(up('Cellar')).toEqual(['em500'])
  })
})

it('nobody writes into the series of another by saying that he is it', () => {
  // Each may write below his own name, as by default.
  const maySpeakFor = (client: string | null, topic: string) =>
    client === null || topic.split('/', 2).includes(client) || topic.split('/')[2] === client
  const { say } = bridge({ maySpeakFor })
  say('zigbee2mqtt/bridge/devices', list(['0xa1', 'victim']))
  say('zigbee2mqtt/victim', WARM)
  say('shellies/announce', { id: 'victim-s', mac: 'AABBCC' })
  say('shellies/victim-s/relay/0/power', '5')
  say('zwave/hall/victim-z/nodeinfo', { id: 5, name: 'victim-z' })
  say('zwave/hall/victim-z/49/0/x', '5')
  say('application/9/device/24e1/event/up', {
    deviceInfo: { deviceName: 'victim-l', devEui: '24e1' },
    object: WARM,
  })

  const attacks: [topic: string, payload: unknown][] = [
    ['mallory/bridge/devices', list(['0xa1', 'mallory'])],
    ['mallory/bridge/response/device/rename', { data: { from: 'victim', to: 'mallory' }, status: 'ok' }],
    ['shellies/mallory/announce', { id: 'mallory', mac: 'AABBCC' }],
    ['zwave/mallory/nodeinfo', { id: 5, name: 'mallory' }],
    ['mallory/device/24e1/event/up', { deviceInfo: { deviceName: 'mallory', devEui: '24e1' }, object: WARM }],
    ['homeassistant/sensor/mallory/config', { stat_t: 'zigbee2mqtt/victim', uniq_id: 'x', name: 'x' }],
    ['esphome/discover/mallory', { name: 'victim', mac: 'AABBCC' }],
    ['tasmota/mallory/config', { t: 'victim', mac: 'AABBCC' }],
  ]
  for (const [topic, payload] of attacks) say(topic, payload, 'mallory')
  const own = [
    'mallory',
    'mallory/x',
    'zigbee2mqtt/mallory',
    'shellies/mallory/relay/0/power',
    'zwave/mallory/49/0/x',
  ]
  for (const topic of own)
    expect(
      say(topic, topic.endsWith('x') || topic.endsWith('power') ? '5' : WARM, 'mallory').join(),
    ).not.toMatch(/victim/)
  expect(say('zigbee2mqtt/victim', WARM)).toEqual(['victim'])
})
