import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import mqtt, { type IClientOptions } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { connect } from '../load.ts'
import { tryTool } from '../tool.ts'
import { eventually } from '../trestle.ts'
import { Story } from './story.ts'

let story: Story | null = null
afterEach(async () => {
  await story?.end()
  story = null
})

function filesOf(dir: string, folder: string): string[] {
  return readdirSync(join(dir, folder)).map(name => join(folder, name))
}

/** Rejects with what the broker says. */
function connectAsync(port: number, options: IClientOptions) {
  return mqtt.connectAsync({ host: '127.0.0.1', port, reconnectPeriod: 0, ...options })
}

async function stored(of: Story, messages: number): Promise<void> {
  await eventually(
    () => of.trestle.ledger(),
    ({ stored, waiting }) => stored === messages && waiting === 0,
  )
}

it('the quarantine is replayed after a fix: each entry leaves once, the account moves it, a crash changes nothing', async () => {
  story = await Story.begin()
  const client = connect(story.trestle.mqtt)
  for (let i = 0; i < 20; i++) await client.publishAsync('odd/place/probe', `{"broken":${i}`, { qos: 1 })
  await client.publishAsync('odd/other/probe', '{"broken":', { qos: 1 })
  await client.endAsync()
  const url = ['--url', story.trestle.url]
  // Without a fix nothing changes, however often.
  for (let i = 0; i < 2; i++)
    expect((await tryTool(story.dataDir, ['quarantine', 'replay', ...url])).stderr).toBe(
      '0 replayed, 0 without a reading, 21 still cannot be used.\n',
    )
  expect(
    (await tryTool(story.dataDir, ['quarantine', 'list', '--json', ...url])).stdout.trim().split('\n'),
  ).toHaveLength(21)
  await story.kill()
  const config = join(story.dataDir, 'trestle.yaml')
  writeFileSync(config, 'rules:\n  - topic: odd/place/#\n    ignore: true\n')
  await story.start({ TRESTLE_CONFIG: config })
  expect((await tryTool(story.dataDir, ['quarantine', 'replay', '--url', story.trestle.url])).stderr).toBe(
    '0 replayed, 20 without a reading, 1 still cannot be used.\n',
  )
  await story.restart()
  const ledger = await story.trestle.ledger()
  expect(ledger).toMatchObject({ received: 21, stored: 0, waiting: 0, quarantined: 1, balanced: true })
  expect(Object.values(ledger.ignored)).toEqual([20])
  const { entries } = await story.trestle.get<{ entries: { topic: string }[] }>('/api/quarantine')
  expect(entries.map(({ topic }) => topic)).toEqual(['odd/other/probe'])
}, 60_000)

it('a store that was lost is fed again from what is kept, by the running bridge and without it', async () => {
  story = await Story.begin()
  const load = story.send({ connections: 3, readings: 300 })
  await load.done
  await stored(story, 900)
  const started = new Date(Date.now() - 3_600_000).toISOString()
  const answer = await tryTool(story.dataDir, [
    'spool',
    'replay',
    '--since',
    started,
    '--url',
    story.trestle.url,
  ])
  expect(answer.stderr).toBe('The store is fed again: 900 messages wait once more.\n')
  await stored(story, 900)

  await story.trestle.stop()
  rmSync(join(story.dataDir, 'data/store'), { recursive: true })
  // An empty store says itself that it has nothing.
  await story.start()
  await stored(story, 900)
  await story.trestle.stop()
  expect((await tryTool(story.dataDir, ['spool', 'replay', '--since', '2h'])).stderr).toMatch(
    /^900 messages wait once more/,
  )
  await story.start()
  expect(await story.check()).toMatchObject({
    stored: 900,
    lost: 0,
    duplicates: 0,
    ledger: { stored: 900, balanced: true },
  })
}, 60_000)

it('what is kept can be exported as line protocol while the bridge runs', async () => {
  story = await Story.begin()
  const load = story.send({ connections: 2, readings: 100 })
  await load.done
  const { code, stdout } = await tryTool(story.dataDir, ['spool', 'export'])
  expect(code).toBe(0)
  const lines = stdout.trim().split('\n')
  expect(lines.slice(0, 2)).toEqual(['# DML', '# CONTEXT-DATABASE: trestle'])
  expect(lines.slice(2)).toHaveLength(200)
  expect(lines[2]).toMatch(/^reading,device=load-\d,.* seq=\d+ \d{19}$/)
}, 30_000)

it('a backup made while the bridge runs under load is a data directory of its own, and nothing acknowledged before it is missing', async () => {
  story = await Story.begin()
  const load = story.send({ connections: 3, readings: 100_000, window: 20 })
  await eventually(
    async () => load.acked.size,
    acked => acked > 1000,
  )
  const before = [...load.acked]
  const copy = join(story.dataDir, 'copy')
  const { code, stderr } = await tryTool(story.dataDir, ['backup', copy])
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/files copied/) })
  await load.stop()
  await story.kill()
  renameSync(join(story.dataDir, 'data'), join(story.dataDir, 'lost'))
  cpSync(copy, join(story.dataDir, 'data'), { recursive: true })
  await story.start()
  const report = await story.check()
  expect(report).toMatchObject({ duplicates: 0, invented: 0, ledger: { balanced: true } })
  const missing = load.acked.size - report.stored
  // Acknowledged after the backup: the copy cannot know of it.
  expect(missing).toBeLessThanOrEqual(load.acked.size - before.length)
  expect(existsSync(join(copy, 'lock.db'))).toBe(false)
}, 60_000)

it('a backup holds who is known, what waits for a sleeping device, what is retained, and the certificates', async () => {
  story = await Story.begin()
  const { username, password } = JSON.parse(
    (await tryTool(story.dataDir, ['device', 'add', 'lamp', '--json'])).stdout,
  )
  const login = (clientId: string, options: IClientOptions = {}) =>
    connect(story!.trestle.mqtt, { clientId, username, password, ...options })
  // The bridge looks now and then who was added beside it, and lets in no stranger from then on.
  await eventually(
    () =>
      connectAsync(story!.trestle.mqtt, {}).then(
        stranger => stranger.endAsync().then(() => 'let in'),
        () => 'refused',
      ),
    answer => answer === 'refused',
  )
  const lamp = login('lamp', { clean: false })
  await lamp.subscribeAsync('lamp/set', { qos: 1 })
  await lamp.publishAsync('lamp/mode', 'night', { qos: 1, retain: true })
  await lamp.endAsync()
  const other = login('lamp-2')
  await other.publishAsync('lamp/set', 'ON', { qos: 1 })
  await other.endAsync()
  expect((await tryTool(story.dataDir, ['tls', 'init'])).code).toBe(0)

  const copy = join(story.dataDir, 'copy')
  expect((await tryTool(story.dataDir, ['backup', copy])).code).toBe(0)
  const data = join(story.dataDir, 'data')
  for (const name of ['identity.key', 'identities.db', 'broker.db', ...filesOf(data, 'tls')]) {
    const [original, copied] = [join(data, name), join(copy, name)]
    expect(statSync(copied).mode, name).toBe(statSync(original).mode)
    if (!name.endsWith('.db')) expect(readFileSync(copied), name).toEqual(readFileSync(original))
  }

  await story.kill()
  renameSync(data, join(story.dataDir, 'lost'))
  cpSync(copy, data, { recursive: true })
  // The rest of this story speaks plainly.
  rmSync(join(data, 'tls'), { recursive: true })
  await story.start()
  const heard: string[] = []
  const again = login('lamp', { clean: false })
  again.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  await again.subscribeAsync('lamp/mode')
  await eventually(
    async () => heard.toSorted(),
    all => all.length === 2,
  )
  expect(heard.toSorted()).toEqual(['lamp/mode night', 'lamp/set ON'])
  await again.endAsync()
  await expect(connectAsync(story.trestle.mqtt, { username, password: 'wrong' })).rejects.toThrow(
    /Connection refused/,
  )
}, 60_000)

it('doctor says that all is well, or what is not, with the bridge running and without it', async () => {
  story = await Story.begin()
  const load = story.send({ connections: 2, readings: 50 })
  await load.done
  await stored(story, 100)
  const running = await tryTool(story.dataDir, ['doctor', '--url', story.trestle.url])
  expect(running.stdout).toMatch(/account: 100 received = 100 stored/)
  expect(running).toMatchObject({ code: 0, stdout: expect.stringMatching(/All is well\.\n$/) })
  await story.trestle.stop()
  const stopped = await tryTool(story.dataDir, ['doctor'])
  expect(stopped.stdout).toMatch(/account: 100 received = 100 stored/)
  expect(stopped).toMatchObject({ code: 0, stdout: expect.stringMatching(/All is well\.\n$/) })
}, 60_000)
