import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { DeviceView } from '../catalog/device.ts'
import { type Influxd, startInfluxd } from './influxd.ts'
import { connect } from './load.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const run = promisify(execFile)

interface History {
  readonly unit: string | null
  readonly points: readonly { readonly time: number; readonly value: number; readonly count?: number }[]
}

describe.each(['embedded', 'influx'] as const)(
  'a reading travels from a device to the %s store and to a live client',
  kind => {
    let influxd: Influxd | null = null
    let trestle: Trestle

    beforeAll(async () => {
      influxd = kind === 'influx' ? await startInfluxd() : null
      trestle = await startTrestle({
        env: influxd === null ? {} : { INFLUX_URL: influxd.url, INFLUX_DATABASE: 'house' },
      })
    })
    afterAll(async () => {
      expect(await trestle.stop()).toBe(0)
      await influxd?.stop()
      removeDataDir(trestle.dataDir)
    })

    it('by mosquitto_pub over TCP', async () => {
      const live = await liveFrames(trestle, 'thermo-1')
      await run('mosquitto_pub', [
        '-p',
        String(trestle.mqtt),
        '-q',
        '1',
        '-t',
        'home/kitchen/thermo-1/state',
        '-m',
        '{"temperature":21.5,"humidity":40.2}',
      ])
      const reading = await live.next()
      expect(reading).toMatchObject({
        device: 'thermo-1',
        topic: 'home/kitchen/thermo-1/state',
        values: { temperature: 21.5, humidity: 40.2 },
        tags: { room: 'kitchen' },
      })
      live.close()

      const history = await stored(trestle, 'thermo-1', 'temperature')
      expect(history.points).toEqual([expect.objectContaining({ count: 1, value: 21.5 })])
    })

    it('by MQTT.js over TCP, with the time that the device gives', async () => {
      const client = connect(trestle.mqtt)
      const time = Date.now() - 60_000
      await client.publishAsync(
        'home/cellar/pump/state',
        JSON.stringify({ power: 12.5, on: true, mode: 'eco', ts: time }),
        { qos: 1 },
      )
      await client.endAsync()
      expect((await raw(trestle, 'pump', 'power')).points).toEqual([{ time, value: 12.5 }])
      expect((await raw(trestle, 'pump', 'on')).points).toEqual([{ time, value: true }])
      expect((await raw(trestle, 'pump', 'mode')).points).toEqual([{ time, value: 'eco' }])
    })

    it.each(['/mqtt', '/mqtt/'])('by MQTT.js over WebSocket at %s', async path => {
      const client = mqtt.connect(`ws://127.0.0.1:${trestle.http}${path}`, { protocolVersion: 4 })
      await client.publishAsync('garden/soil-1', '{"moisture":31}', { qos: 1 })
      await client.endAsync()
      await stored(trestle, 'soil-1', 'moisture')
    })

    it('and two readings of the same moment are both kept', async () => {
      const client = connect(trestle.mqtt)
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          client.publishAsync('home/hall/door-1/state', `{"count":${i}}`, { qos: 1 }),
        ),
      )
      await client.endAsync()
      const { points } = await eventually(
        () => raw(trestle, 'door-1', 'count'),
        answer => answer.points.length >= 100,
      )
      expect(points.map(point => point.value).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, i) => i),
      )
    })

    it('and the devices are there again after a restart, from the store', async () => {
      await eventually(
        () => trestle.ledger(),
        ledger => ledger.waiting === 0,
      )
      const before = withoutTimes(await trestle.devices())
      expect(await trestle.stop()).toBe(0)
      trestle = await startTrestle({
        dataDir: trestle.dataDir,
        env: influxd === null ? {} : { INFLUX_URL: influxd.url, INFLUX_DATABASE: 'house' },
      })
      expect(withoutTimes(await trestle.devices())).toEqual(before)
    })

    it('and what cannot be used is acknowledged, kept with the reason, and counted', async () => {
      const before = await trestle.ledger()
      const client = connect(trestle.mqtt)
      await client.publishAsync('home/hall/door/state', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x81]), {
        qos: 1,
      })
      await client.publishAsync('home/hall/door/state', '{"temperature":21.5,', { qos: 1 })
      await client.publishAsync('home/hall/door/set', 'ON', { qos: 1 })
      await client.endAsync()
      const ledger = await trestle.ledger()
      expect(ledger.received).toBe(before.received + 3)
      expect(ledger.quarantined).toBe(2)
      expect(ledger.balanced).toBe(true)
      expect(Object.values(ledger.ignored).reduce((sum, n) => sum + n, 0)).toBe(1)
      const { entries } = await eventually(
        () =>
          trestle.get<{
            entries: { topic: string; payload?: string; payloadBase64?: string; reason: string }[]
          }>('/api/quarantine'),
        answer => answer.entries.length === 2,
      )
      expect(entries[0]).toMatchObject({
        topic: 'home/hall/door/state',
        payload: '{"temperature":21.5,',
        reason: expect.stringMatching(/\w/),
      })
      expect(entries[1]?.payloadBase64).toBe(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x81]).toString('base64'))
    })

    it('and a field that changes its type loses nothing', async () => {
      const client = connect(trestle.mqtt)
      for (const payload of ['{"level":1.5}', '{"level":"high","other":2}', '{"level":"2.5"}']) {
        await client.publishAsync('home/loft/tank/state', payload, { qos: 1 })
      }
      await client.endAsync()
      const numbers = await eventually(
        () => raw(trestle, 'tank', 'level'),
        answer => answer.points.length === 2,
      )
      expect(numbers.points.map(point => point.value)).toEqual([1.5, 2.5])
      expect((await raw(trestle, 'tank', 'level_text')).points.map(point => point.value)).toEqual(['high'])
      expect((await raw(trestle, 'tank', 'other')).points.map(point => point.value)).toEqual([2])
    })
  },
)

function stored(trestle: Trestle, device: string, field: string): Promise<History> {
  const path = `/api/history?device=${device}&field=${field}`
  return eventually(
    () => trestle.get<History>(path).catch(() => ({ unit: null, points: [] })),
    ({ points }) => points.length > 0,
  )
}

function raw(trestle: Trestle, device: string, field: string): Promise<History> {
  const path = `/api/history?device=${device}&field=${field}&points=raw`
  return eventually(
    () => trestle.get<History>(path).catch(() => ({ unit: null, points: [] })),
    ({ points }) => points.length > 0,
  )
}

/** What the store does not keep: arrival, where the device gave a time of its own; families. */
function withoutTimes(devices: DeviceView[]): unknown {
  return devices
    .map(({ lastSeen: _, family: __, ...device }) => device)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

async function liveFrames(trestle: Trestle, device: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`)
  const readings: unknown[] = []
  let wake: () => void = () => undefined
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.on('open', () =>
      socket.send(JSON.stringify({ op: 'subscribe', id: 1, devices: [device], snapshot: false })),
    )
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as { op: string; readings?: unknown[] }
      if (frame.op === 'result') resolve()
      if (frame.op === 'readings') readings.push(...(frame.readings ?? []))
      wake()
    })
  })
  return {
    async next(): Promise<unknown> {
      while (readings.length === 0) await new Promise<void>(resolve => (wake = resolve))
      return readings.shift()
    },
    close: () => socket.terminate(),
  }
}
