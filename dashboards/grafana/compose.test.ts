/** What the compose file, the Dockerfile and the systemd unit name is there: variables, ports, paths, mounts, users. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../bridge/config/config.ts'
import { VARIABLES as SETTINGS } from '../../bridge/config/environment.ts'
import { dockerIgnore, type Instruction, parseDockerfile } from '../../deploy/dockerfile.ts'
import { OUT_DIR } from './outputs.ts'
import { DASHBOARDS_PATH, VARIABLES } from './provisioning.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const composeText = read('docker-compose.yml')
const { services, volumes, networks } = parse(composeText) as Compose
const stages = parseDockerfile(read('Dockerfile'))
const image = stages.at(-1)!.instructions
const { trestle, influxdb, grafana, simulators } = services
const imageEnv = Object.fromEntries(all('env').map(({ name, value }) => [name, value]))
const known = new Set(SETTINGS.flatMap(({ names }) => names.flatMap(name => [name, `${name}_FILE`])))
const VERSION = /:\d+\.\d+\.\d+(-[a-z-]+)?$/

describe('docker-compose.yml', () => {
  it('sets what the bridge reads, to values that it takes', () => {
    for (const name of Object.keys(trestle.environment!)) expect(known).toContain(name)
    const loaded = loadConfig({ ...imageEnv, ...expanded(trestle.environment) }, '/nowhere')
    expect(loaded).toMatchObject({
      ok: true,
      config: { warnings: [], settings: { dataDir: '/data', influx: { selfMetrics: 10_000 } } },
    })
  })

  it('has comments that hold too: the settings for TLS exist, and fit', () => {
    const tls = Object.fromEntries(
      [...composeText.matchAll(/^ +# (TRESTLE_\w+): (\S+) +# TLS/gm)].map(([, name, value]) => [name, value]),
    )
    expect(Object.keys(tls)).toEqual(['TRESTLE_TLS_CERT', 'TRESTLE_TLS_KEY'])
    expect(loadConfig({ ...imageEnv, ...expanded(trestle.environment), ...tls }, '/nowhere')).toMatchObject({
      ok: true,
      config: { warnings: [] },
    })
  })

  it('publishes the default ports, and only on this machine unless told otherwise', () => {
    const loaded = loadConfig({ TRESTLE_HOST: '127.0.0.1' }, '/nowhere')
    const { mqtt, mqtts, http } = loaded.ok ? loaded.config.settings : expect.fail()
    expect(targets(trestle)).toEqual([mqtt.port, mqtts.port, http.port])
    expect(targets(grafana)).toEqual([3000])
    expect([influxdb, simulators].flatMap(targets)).toEqual([])
    for (const port of Object.values(services).flatMap(({ ports = [] }) => ports))
      expect(port).toMatch(/^\$\{(BIND|PLAIN_MQTT|GRAFANA)_ADDRESS:-127\.0\.0\.1\}:\d+:\d+$/)
  })

  it('gives Grafana the variables that its provisioning expands, and they lead where the others are', () => {
    const own = Object.keys(grafana.environment!).filter(name => name.startsWith('TRESTLE_'))
    expect(own.toSorted()).toEqual([...VARIABLES].toSorted())
    expect(grafana.environment).toMatchObject({
      TRESTLE_INFLUX_URL: trestle.environment!.INFLUX_URL,
      TRESTLE_INFLUX_DATABASE: trestle.environment!.INFLUX_DATABASE,
    })
    for (const value of Object.values({ ...trestle.environment, ...grafana.environment })) {
      const host = /^\w+:\/\/([\w-]+):\d+$/.exec(value)?.[1]
      if (host !== undefined) expect(services).toHaveProperty(host)
    }
  })

  it('mounts what is there, where it is looked for', () => {
    const mounts = Object.values(services).flatMap(({ volumes: some = [] }) =>
      some.map(mount => mount.split(':')),
    )
    for (const [source = ''] of mounts) {
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true)
      else expect(volumes).toHaveProperty(source)
    }
    const grafanas = new Map(
      grafana.volumes!.map(mount => mount.split(':').toReversed().slice(-2) as [string, string]),
    )
    expect(join(ROOT, grafanas.get(DASHBOARDS_PATH)!)).toBe(join(OUT_DIR, 'dashboards'))
    for (const kind of ['datasources', 'dashboards', 'alerting'])
      expect(join(ROOT, grafanas.get(`/etc/grafana/provisioning/${kind}`)!)).toBe(
        join(OUT_DIR, 'provisioning', kind),
      )
    expect(trestle.volumes).toEqual([`trestle-data:${trestle.environment!.TRESTLE_DATA_DIR}`])
    const homeBoard = grafana.environment!.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH!
    expect(existsSync(homeBoard.replace(DASHBOARDS_PATH, join(OUT_DIR, 'dashboards')))).toBe(true)
  })

  it('pins every image, and waits for health where there is a check of it', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.image, name).toMatch(VERSION)
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(condition).toBe('service_healthy')
        const isChecked = services[other]?.healthcheck !== undefined || other === 'trestle'
        expect(isChecked, other).toBe(true)
      }
    }
    expect(all('healthcheck')).toHaveLength(1)
    const { version } = JSON.parse(read('package.json')) as { version: string }
    expect([trestle.image, simulators.image]).toEqual([`trestle:${version}`, `trestle:${version}`])
  })

  it('is opened to the house by the lines of its head: they work as they are, and nobody gets in unknown', async () => {
    const head = composeText.split('\nname:', 1)[0]!
    const commands = [...head.matchAll(/docker compose exec trestle node (bridge\/cli\.ts .*)$/gm)].map(
      ([, words]) => words!,
    )
    expect(commands.map(words => words.split(' ').slice(1, 3).join(' '))).toEqual([
      'tls init',
      'user add',
      'device add',
    ])
    const given = Object.fromEntries(
      /printf '(.*)'/
        .exec(head)![1]!
        .split('\\n')
        .filter(Boolean)
        .map(line => line.split('=')),
    )
    const settings = { ...imageEnv, ...expanded(trestle.environment, given) }
    const dataDir = mkdtempSync(join(tmpdir(), 'trestle-compose-'))
    try {
      for (const words of commands) {
        const env = { PATH: process.env.PATH!, ...settings, TRESTLE_DATA_DIR: dataDir }
        execFileSync(process.execPath, words.split(' '), { cwd: ROOT, env, stdio: 'pipe' })
      }
      expect(existsSync(join(dataDir, 'tls/server.pem'))).toBe(true)
    } finally {
      rmSync(dataDir, { recursive: true })
    }
    const loaded = loadConfig(settings, '/nowhere')
    expect(loaded).toMatchObject({
      ok: true,
      config: { warnings: [], settings: { allowAnonymous: false, host: '0.0.0.0' } },
    })
    for (const port of trestle.ports!.map(port => expanded({ port }, given).port!))
      expect(port.startsWith(port.endsWith(':1883') ? '127.0.0.1:' : '0.0.0.0:')).toBe(true)
    expect(expanded({ port: grafana.ports![0]! }, given).port).toBe('127.0.0.1:3000:3000')
  }, 60_000)

  it('holds no secret', () => {
    for (const { environment = {} } of Object.values(services)) {
      // From .env, or empty: there is no default that somebody could know.
      for (const [name, value] of Object.entries(environment))
        if (/PASSWORD|TOKEN|SECRET/.test(name)) expect(value).toMatch(/^\$\{[A-Z_]+:-\}$/)
    }
    expect(networks.store).toEqual({ internal: true })
    expect(influxdb.networks).toEqual(['store'])
  })

  it('runs what comes from here without rights and on a read-only tree', () => {
    for (const service of [trestle, simulators]) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      })
    }
  })
})

describe('Dockerfile', () => {
  it('copies what is there and what the build sees', () => {
    const isIgnored = dockerIgnore(read('.dockerignore'))
    for (const { from, sources } of stages.flatMap(({ instructions }) => instructions.filter(isCopy))) {
      if (from !== null) expect(stages.map(({ name }) => name)).toContain(from)
      else {
        for (const source of sources) {
          expect(existsSync(join(ROOT, source)), source).toBe(true)
          expect(isIgnored(source), source).toBe(false)
        }
      }
    }
    for (const secret of ['.env', 'data/spool', 'node_modules/ws', 'bridge/main.test.ts'])
      expect(isIgnored(secret)).toBe(true)
  })

  it('starts what is copied, as a user, on a Node that the project wants', () => {
    for (const { image: base } of stages) expect(base).toMatch(/^node:24\.\d+\.\d+-/)
    expect(new Set(stages.map(({ image: base }) => base)).size).toBe(1)
    expect(all('user')).toEqual([{ kind: 'user', name: '1000:1000' }])
    const copied = image.filter(isCopy).flatMap(({ to }) => to)
    for (const { argv } of [...all('cmd'), ...all('healthcheck')]) {
      expect(argv[0]).toBe('node')
      expect(existsSync(join(ROOT, argv[1]!))).toBe(true)
      expect(copied.some(path => argv[1]!.startsWith(path))).toBe(true)
    }
    expect(
      simulators
        .command!.slice(0, 2)
        .every(word => word === 'node' || copied.some(path => word.startsWith(path))),
    ).toBe(true)
  })

  it('names settings, ports and paths of the code', () => {
    for (const name of Object.keys(imageEnv)) expect(name === 'NODE_ENV' || known.has(name), name).toBe(true)
    expect(all('volume')).toEqual([{ kind: 'volume', path: imageEnv.TRESTLE_DATA_DIR }])
    const loaded = loadConfig({}, '/nowhere')
    const { mqtt, mqtts, http } = loaded.ok ? loaded.config.settings : expect.fail()
    expect(all('expose').flatMap(({ ports }) => ports)).toEqual([mqtt.port, mqtts.port, http.port])
  })
})

describe('deploy/trestle.service', () => {
  const unit = read('deploy/trestle.service')
  const values = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!)

  it('starts the bridge of a checkout, with settings that it knows', () => {
    const [start = ''] = values('ExecStart')
    const [node, main] = start.split(' ')
    expect(node).toMatch(/^\/opt\/trestle\/node_modules\/\.bin\/node$/)
    expect(existsSync(main!.replace('/opt/trestle', ROOT))).toBe(true)
    const env = Object.fromEntries(values('Environment').map(pair => pair.split('=') as [string, string]))
    expect(env.TRESTLE_DATA_DIR).toBe(`/var/lib/${values('StateDirectory')[0]}`)
    expect(loadConfig(env, '/nowhere')).toMatchObject({ ok: true, config: { warnings: [] } })
  })

  it('leaves a mistake in the configuration alone, and time enough to stop', () => {
    const main = read('bridge/main.ts')
    expect(values('RestartPreventExitStatus')).toEqual([/EXIT_SETUP = (\d+)/.exec(main)?.[1]])
    const stopMs = Number(/STOP_WITHIN_MS = (\d+)/.exec(main)?.[1])
    expect(Number(values('TimeoutStopSec')[0]) * 1000).toBeGreaterThan(stopMs)
    expect(Number.parseInt(trestle.stop_grace_period!, 10) * 1000).toBeGreaterThan(stopMs)
  })
})

interface Service {
  readonly image?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly command?: readonly string[]
  readonly healthcheck?: object
  readonly stop_grace_period?: string
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

interface Compose {
  readonly services: Readonly<Record<'trestle' | 'influxdb' | 'grafana' | 'simulators', Service>> &
    Readonly<Record<string, Service>>
  readonly volumes: object
  readonly networks: Readonly<Record<string, object | null>>
}

/** As compose does it: `${NAME:-default}`. */
function expanded(
  environment: Readonly<Record<string, string>> = {},
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(
        /\$\{(\w+):-([^}]*)\}/g,
        (_, variable: string, otherwise: string) => given[variable] ?? otherwise,
      ),
    ]),
  )
}

/** Ports inside of the container. */
function targets({ ports = [] }: Service): number[] {
  return ports.map(port => Number(port.split(':').at(-1)))
}

function all<Kind extends Instruction['kind']>(kind: Kind): Extract<Instruction, { kind: Kind }>[] {
  return image.filter((step): step is Extract<Instruction, { kind: Kind }> => step.kind === kind)
}

function isCopy(step: Instruction): step is Extract<Instruction, { kind: 'copy' }> {
  return step.kind === 'copy'
}
