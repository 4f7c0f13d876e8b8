/**
 * Where the running bridge listens, told to the tools beside it: who types `trestle device add` in another shell need not
 * repeat the environment that the bridge was started with.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Settings } from './config/schema.ts'

/** In the data directory. Its process is in it: what a kill -9 left behind says nothing. */
export const RUNNING_FILE = 'running.json'

const port = z.number().int().positive()
const runningSchema = z.object({
  pid: z.number().int().positive(),
  host: z.string(),
  mqttHost: z.string().optional(),
  mqtt: port.nullable(),
  mqtts: port.nullable(),
  http: port,
})

type Ports = Pick<z.infer<typeof runningSchema>, 'mqtt' | 'mqtts' | 'http'>

/** A disk that does not take it costs the tools a hint, and nobody a reading. */
export function tellRunning(
  { dataDir, host, mqtt: { host: mqttHost } }: Settings,
  { mqtt, mqtts, http }: Ports,
): void {
  const file = join(dataDir, RUNNING_FILE)
  try {
    const running = { pid: process.pid, host, mqttHost, mqtt, mqtts, http }
    writeFileSync(`${file}.new`, `${JSON.stringify(running)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {
    // As said.
  }
}

/** The settings, with host and ports of the bridge that runs on their data directory, if one does. */
export function asRunning(settings: Settings): Settings {
  const running = readRunning(join(settings.dataDir, RUNNING_FILE))
  if (running === null || !isAlive(running.pid)) return settings
  const { host, mqttHost, mqtt, mqtts, http } = running
  const { host: _, ...ownMqtt } = settings.mqtt
  return {
    ...settings,
    host,
    mqtt: {
      ...ownMqtt,
      port: mqtt ?? settings.mqtt.port,
      ...(mqttHost === undefined ? {} : { host: mqttHost }),
    },
    mqtts: { ...settings.mqtts, port: mqtts ?? settings.mqtts.port },
    http: { ...settings.http, port: http },
  }
}

function readRunning(file: string): z.infer<typeof runningSchema> | null {
  try {
    return runningSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

/** Also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
