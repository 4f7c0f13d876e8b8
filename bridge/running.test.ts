import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { loadConfig } from './config/config.ts'
import { asRunning, RUNNING_FILE, tellRunning } from './running.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'trestle-running-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

const settingsBy = (env: Record<string, string>) => {
  const loaded = loadConfig({ TRESTLE_DATA_DIR: dataDir, ...env }, dataDir)
  if (!loaded.ok) throw new Error(loaded.mistakes.join())
  return loaded.config.settings
}
const HERE = settingsBy({ TRESTLE_MQTT__HOST: '127.0.0.2', TRESTLE_MQTT_PORT: '1999' })

it('another shell learns where the bridge listens, whatever its own environment says', () => {
  expect(asRunning(HERE)).toEqual(HERE)
  tellRunning(settingsBy({ TRESTLE_HOST: '0.0.0.0' }), { mqtt: 1884, mqtts: 8884, http: 8081 })
  expect(asRunning(HERE)).toEqual({
    ...settingsBy({}),
    host: '0.0.0.0',
    mqtt: { ...settingsBy({}).mqtt, port: 1884 },
    mqtts: { port: 8884 },
    http: { ...HERE.http, port: 8081 },
  })
})

it('what a bridge left behind that runs no more, or a torn file, says nothing', () => {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  const left = { pid, host: '0.0.0.0', mqtt: 1884, mqtts: null, http: 8081 }
  for (const text of [JSON.stringify(left), '{"pid":', '{}', `{"pid":${process.pid}}`]) {
    writeFileSync(join(dataDir, RUNNING_FILE), text)
    expect(asRunning(HERE), text).toEqual(HERE)
  }
})
