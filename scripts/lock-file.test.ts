import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'))
const lock: Readonly<Record<string, Entry>> = read('package-lock.json').packages
const manifest: {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
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

/** Fixed advisories: never below these. */
const FLOORS = { ws: '8.21.0', aedes: '1.2.0', 'mqtt-packet': '9.0.0' }

it.each(Object.entries(FLOORS))('%s is at least %s', (name, floor) => {
  const versions = Object.entries(lock)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, { version }]) => version!)
  expect(versions.length).toBeGreaterThan(0)
  for (const version of versions) {
    expect(version.localeCompare(floor, undefined, { numeric: true })).toBeGreaterThanOrEqual(0)
  }
})
