import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRecording, record, replay } from './recording.ts'
import { startBroker, type TestBroker } from './test/broker.ts'

describe('recordings', () => {
  let broker: TestBroker
  let folder: string
  beforeEach(async () => {
    broker = await startBroker()
    folder = mkdtempSync(join(tmpdir(), 'recording-'))
  })
  afterEach(async () => {
    await broker.close()
    rmSync(folder, { recursive: true })
  })

  it('what was recorded is replayed: topics, bytes, QoS and retain, in order', async () => {
    const file = join(folder, 'in.jsonl')
    const lines = [
      { time: 0, topic: 'a/b', payload: '{"t":21.5}', qos: 1, retain: true },
      { time: 40, topic: 'grüße', payload: 'ß', qos: 0, retain: false },
      {
        time: 80,
        topic: 'bytes',
        payloadBase64: Buffer.from([0, 255, 1, 254]).toString('base64'),
        qos: 2,
        retain: false,
      },
    ]
    writeFileSync(file, lines.map(line => JSON.stringify(line)).join('\n'))
    const again = join(folder, 'out.jsonl')
    const ending = new AbortController()
    const recording = record({
      ...options(),
      file: again,
      topics: ['#'],
      seconds: Infinity,
      signal: ending.signal,
    })
    await subscribed()
    const counts = await replay({ ...options(), file, speed: 1 })
    expect(counts).toEqual({ sent: 3, acknowledged: 3 })
    await broker.until(arrived => arrived.length === 3)
    const told = broker.arrived.map(({ topic, qos, retain }) => ({ topic, qos, retain }))
    expect(told).toEqual(lines.map(({ topic, qos, retain }) => ({ topic, qos, retain })))
    await new Promise(resolve => setTimeout(resolve, 100))
    ending.abort()
    expect(await recording).toBe(3)
    const recorded = readFileSync(again, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    // A broker keeps the order of one QoS only [MQTT-4.6.0-6].
    const contents = (messages: readonly Record<string, unknown>[]) =>
      messages.map(({ topic, payload, payloadBase64 }) => `${topic} ${payload ?? payloadBase64}`).sort()
    expect(contents(recorded)).toEqual(contents(lines))
    const times = recorded.map(({ time }) => time as number)
    expect(times.toSorted((a, b) => a - b)).toEqual(times)
  })

  it('plays at any speed', async () => {
    const file = join(folder, 'slow.jsonl')
    const lines = [0, 2000, 4000].map(time =>
      JSON.stringify({ time, topic: 'x', payload: String(time), qos: 1 }),
    )
    writeFileSync(file, lines.join('\n'))
    const took = async (speed: number) => {
      const beganMs = performance.now()
      await replay({ ...options(), file, speed })
      return performance.now() - beganMs
    }
    expect(await took(Infinity)).toBeLessThan(1000)
    expect(await took(20)).toBeGreaterThan(190)
  })

  it('tells which line is none', async () => {
    const file = join(folder, 'bad.jsonl')
    writeFileSync(file, '{"time":0,"topic":"a","payload":"1"}\n{"time":"soon"}\n')
    await expect(Array.fromAsync(readRecording(file))).rejects.toThrow(
      /bad\.jsonl:2: not a recorded message: time/,
    )
  })

  function options() {
    return { target: broker.target, clientIdPrefix: '', signal: new AbortController().signal }
  }

  function subscribed(): Promise<unknown> {
    return new Promise(resolve => broker.aedes.once('subscribe', resolve))
  }
})
