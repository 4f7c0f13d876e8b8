import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isLocalHost, loadConfig } from './config.ts'
import { VARIABLES } from './environment.ts'
import { parseDurationMs, parseSizeBytes } from './quantities.ts'

const ROOT = join(import.meta.dirname, '../..')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-config-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function settings(env: Record<string, string> = {}) {
  const loaded = loadConfig(env, dir)
  if (!loaded.ok) throw new Error(loaded.mistakes.join('\n'))
  return loaded.config.settings
}

function mistakes(env: Record<string, string> = {}): readonly string[] {
  const loaded = loadConfig(env, dir)
  return loaded.ok ? [] : loaded.mistakes
}

describe('settings', () => {
  it('have the documented defaults', () => {
    expect(settings()).toMatchObject({
      host: '127.0.0.1',
      mqtt: { port: 1883 },
      mqtts: { port: 8883 },
      http: { port: 8080 },
      dataDir: join(dir, 'data'),
      influx: { database: 'trestle' },
      retention: { raw: 7 * 86_400_000, minute: 90 * 86_400_000, hour: 730 * 86_400_000 },
    })
  })

  it('come from the file, and over it from the environment', () => {
    writeFileSync(join(dir, 'trestle.yaml'), 'http:\n  port: 9000\nspool:\n  maxBytes: 1GiB\n  hold: 2s\n')
    expect(settings({ TRESTLE_HTTP_PORT: '9001', TRESTLE_SPOOL__HOLD: '3s' })).toMatchObject({
      http: { port: 9001 },
      spool: { maxBytes: 1024 ** 3, hold: 3000 },
    })
  })

  it('take secrets from files, without the newline of the editor', () => {
    writeFileSync(join(dir, 'secret'), 's3cret\n')
    expect(settings({ INFLUX_TOKEN_FILE: join(dir, 'secret') }).influx.token).toBe('s3cret')
    expect(mistakes({ INFLUX_TOKEN_FILE: '/nope' })).toEqual([
      'INFLUX_TOKEN_FILE: cannot read /nope (ENOENT)',
    ])
  })

  it('take lists from the file, and from the environment with commas between', () => {
    writeFileSync(join(dir, 'trestle.yaml'), 'mqtt:\n  topics: [home/#, lab/+/state]\n')
    expect(settings().mqtt.topics).toEqual(['home/#', 'lab/+/state'])
    expect(settings({ TRESTLE_MQTT__TOPICS: 'zigbee2mqtt/#, tele/#' }).mqtt.topics).toEqual([
      'zigbee2mqtt/#',
      'tele/#',
    ])
    expect(mistakes({ TRESTLE_MQTT__TOPICS: 'home/#/state' })).toEqual([
      expect.stringContaining('MQTT filters'),
    ])
  })

  it('know the aliases, and take an empty variable for none', () => {
    expect(settings({ INFLUXDB_URL: 'http://x:8086/' }).influx.url).toBe('http://x:8086')
    expect(settings({ INFLUX_URL: '', TRESTLE_DEMO: '' })).not.toHaveProperty('demo')
  })

  it('open the house to its members, and to strangers only by a word of its own', () => {
    expect(settings({ TRESTLE_HOST: '0.0.0.0' })).toMatchObject({ host: '0.0.0.0', allowAnonymous: false })
    expect(settings({ TRESTLE_ALLOW_ANONYMOUS: '1' }).allowAnonymous).toBe(true)
    for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', '::1']) expect(isLocalHost(host)).toBe(true)
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'trestle.local', '127.0.0.1.nip.io', '1270.0.0.1'])
      expect(isLocalHost(host)).toBe(false)
  })
})

it('MQTT without TLS may stay on this machine, but not go further than the rest', () => {
  const open = { TRESTLE_HOST: '0.0.0.0' }
  expect(settings({ ...open, TRESTLE_MQTT__HOST: '127.0.0.1' }).mqtt.host).toBe('127.0.0.1')
  expect(settings({ ...open, TRESTLE_MQTT__HOST: '0.0.0.0' }).mqtt.host).toBe('0.0.0.0')
  expect(mistakes({ TRESTLE_MQTT__HOST: '0.0.0.0' })).toEqual([expect.stringContaining('mqtt.host')])
})

describe('mistakes', () => {
  it('are all told at once, with their path', () => {
    writeFileSync(
      join(dir, 'trestle.yaml'),
      'mqtt:\n  port: 70000\nhttp: 8080\nretention:\n  raw: soon\nnonsense: 1\n',
    )
    const found = mistakes({ TRESTLE_HOST: '10.0.0.1', INFLUX_URL: 'influx' })
    for (const part of ['mqtt.port', 'http:', 'retention.raw', 'nonsense', 'host:', 'INFLUX_URL']) {
      expect(
        found.filter(line => line.includes(part)),
        part,
      ).not.toEqual([])
    }
  })

  it('of the file as such are told, not thrown', () => {
    for (const text of ['a: [1', '- a\n- b', 'a: b: c', '\t x']) {
      writeFileSync(join(dir, 'trestle.yaml'), text)
      expect(mistakes().length, text).toBeGreaterThan(0)
    }
    expect(mistakes({ TRESTLE_CONFIG: '/nope.yaml' })).toEqual([
      'TRESTLE_CONFIG: there is no file /nope.yaml',
    ])
  })

  it('in the name of a variable are warned of', () => {
    const loaded = loadConfig({ TRESTLE_SPOOL__MAXBYTES: '1', TRESTLE_PORT_1883_TCP: 'tcp://x' }, dir)
    expect(loaded.ok && loaded.config.warnings).toEqual([expect.stringContaining('TRESTLE_SPOOL__MAXBYTES')])
  })
})

it('what has no effect beside InfluxDB is warned of', () => {
  const warnings = (env: Record<string, string>) => {
    const loaded = loadConfig({ INFLUX_URL: 'http://localhost:8086', ...env }, dir)
    return loaded.ok && loaded.config.warnings
  }
  expect(warnings({ TRESTLE_RETENTION__RAW: '30d' })).toEqual([])
  expect(warnings({ TRESTLE_RETENTION__RAW: '30d', INFLUX_TOKEN: 't' })).toEqual([
    expect.stringContaining('retention.raw'),
  ])
  expect(warnings({ TRESTLE_RETENTION__HOUR: '1y' })).toEqual([expect.stringContaining('retention.hour')])
})

it('durations and sizes are read as people write them', () => {
  expect(['7d', '90 d', '1.5h', '10min', '500', '2y'].map(parseDurationMs)).toEqual([
    604_800_000, 7_776_000_000, 5_400_000, 600_000, 500, 63_072_000_000,
  ])
  expect(['2GiB', '64 MiB', '1kB', '12'].map(parseSizeBytes)).toEqual([
    2 * 1024 ** 3,
    64 * 1024 ** 2,
    1000,
    12,
  ])
  for (const wrong of ['', '-1s', '1 fortnight', '1e9', 'd', '1__']) {
    expect(parseDurationMs(wrong)).toBeNull()
    expect(parseSizeBytes(wrong)).toBeNull()
  }
})

describe('what is written about the settings', () => {
  it('names every key: docs/settings.md', () => {
    const page = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8')
    for (const { path, names } of VARIABLES) {
      expect(page, path).toContain(`\`${path}\``)
      expect(page, path).toContain(`\`${names[0]}\``)
    }
  })

  it('names every key and is sound: trestle.example.yaml', () => {
    const path = join(ROOT, 'trestle.example.yaml')
    const text = readFileSync(path, 'utf8')
    for (const { path: key } of VARIABLES)
      expect(text, key).toMatch(new RegExp(`\\b${key.split('.').at(-1)}:`))
    expect(mistakes({ TRESTLE_CONFIG: path })).toEqual([])
    // It shows the defaults: using it as it is changes nothing.
    expect({ ...settings({ TRESTLE_CONFIG: path }) }).toEqual(settings())
  })
})
