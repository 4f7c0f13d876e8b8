/** What a stranger finds who looks at the files, the logs and the figures of a bridge that nobody has set up. */

import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { connect } from './load.ts'
import { cleanEnv, eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const CLI = join(import.meta.dirname, '../cli.ts')
const run = promisify(execFile)
let trestle: Trestle | null = null
afterEach(async () => {
  await trestle?.stop()
  if (trestle !== null) removeDataDir(trestle.dataDir)
  trestle = null
})

const everything = (directory: string) => readdirSync(directory, { recursive: true, encoding: 'utf8' })

it('every file of a data directory is for its owner alone, whoever made it', async () => {
  const dataDir = newDataDir()
  const data = join(dataDir, 'data')
  const tool = (...words: string[]) =>
    run('sh', ['-c', 'umask 0; exec "$@"', 'sh', process.execPath, CLI, ...words], {
      cwd: dataDir,
      env: cleanEnv({ TRESTLE_DATA_DIR: data }),
    })
  await tool('tls', 'init', '--host', 'trestle.local')
  trestle = await startTrestle({ dataDir, env: { TRESTLE_MQTTS_PORT: '0' } })
  const client = connect(trestle.mqtt)
  await client.publishAsync('home/kitchen/thermo-1/state', '{"temperature":20}', { qos: 1, retain: true })
  await client.publishAsync('home/kitchen/thermo-1/state', '{"temperature":', { qos: 1 })
  await client.endAsync()
  await tool('device', 'add', 'lamp-1')
  await tool('user', 'add', 'mia', '--role', 'viewer')
  await trestle.stop()
  await tool('doctor')
  const modes = Object.fromEntries(
    ['.', ...everything(data)].map(path => {
      const stat = statSync(join(data, path))
      return [path, `${stat.isDirectory() ? 'd' : '-'}${(stat.mode & 0o777).toString(8)}`]
    }),
  )
  expect(Object.keys(modes).length).toBeGreaterThan(15)
  for (const name of [
    'tls/ca.key',
    'identities.db',
    'catalog.jsonl',
    'quarantine.db',
    'broker.db',
    'format.json',
  ])
    expect(modes).toHaveProperty([name])
  expect(Object.entries(modes).filter(([, mode]) => mode !== 'd700' && mode !== '-600')).toEqual([])
}, 60_000)

describe('what strangers say stays within its line of the log, as', () => {
  const LOG = join(import.meta.dirname, '../log.ts')
  const HOSTILE = [
    'a\u001b[31mred',
    'b\r\n{"level":60,"msg":"forged"}',
    'c\u0000d\u007f',
    'e\u0085\u009b31m',
    'f"},{"',
    'g\\',
  ]

  it.each(['json', 'text'])('%s', async format => {
    const script = `
      import { createLogger } from ${JSON.stringify(LOG)}
      const log = createLogger({ level: 'trace', format: ${JSON.stringify(format)} })
      for (const said of ${JSON.stringify(HOSTILE)}) {
        log.debug({ client: said, reason: said }, 'closed a connection')
        log.error({ err: new Error('topic ' + said) }, 'failed')
      }`
    const { stderr } = await run(process.execPath, ['--input-type=module', '--eval', script], {
      env: cleanEnv(),
    })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(stderr.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g)).toBeNull()
    const lines = stderr.split('\n').filter(Boolean)
    expect(lines.filter(line => line.startsWith('{"level":60'))).toEqual([])
    if (format === 'json') expect(lines.map(line => JSON.parse(line).level)).toHaveLength(2 * HOSTILE.length)
  })
})

it('the number of series in /metrics does not grow with clients, topics and devices', async () => {
  trestle = await startTrestle()
  const { url, mqtt } = trestle
  const series = async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  }
  const before = await series()
  expect(before.length).toBeLessThan(500)
  const clients = Array.from({ length: 100 }, (_, at) =>
    connect(mqtt, { clientId: `canary-${at}`, reconnectPeriod: 0 }),
  )
  await Promise.all(
    clients.map((client, at) =>
      Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          client.publishAsync(`home/canary/canary-${at}-${n}/state`, `{"canary${n}":1}`, { qos: 1 }),
        ),
      ),
    ),
  )
  await eventually(
    () => trestle!.devices(),
    ({ length }) => length >= 1000,
  )
  for (const client of clients) client.publish('$SYS/canary', '', { qos: 0 })
  await fetch(`${url}/api/devices/canary`)
  const after = await series()
  for (const client of clients) client.end(true)
  expect(after.filter(line => line.includes('canary'))).toEqual([])
  // A reason that was met for the first time is a series of its own; there are a few of those.
  expect(after.length - before.length).toBeLessThan(40)
  expect(after.length).toBeLessThan(500)
}, 60_000)
