/**
 * `npm run verify:grafana`: what only a Grafana can tell. Starts the compose file with the simulators under a name of
 * its own, and asks: is Grafana well, are the dashboards there, does every panel's query give a frame, are the alert
 * rules there and evaluated without error, do the data sources answer? Then it takes everything down again.
 *
 * Exit code 0 and PASSED, 1 and FAILED; where no Docker is, 0 and SKIPPED: that is no pass.
 */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ALERTS } from './alerts.ts'
import { type Choice, withVariables } from './grafana-words.ts'
import { DASHBOARDS } from './outputs.ts'
import { INFLUX_UID, MQTT_UID } from './targets.ts'

const ROOT = join(import.meta.dirname, '../..')
const GRAFANA = 'http://127.0.0.1:3000'
const COMPOSE = ['compose', '--project-name', 'trestle-verify', '--profile', 'simulators']
/** Two evaluations of the rules, and some readings of every device. */
const SETTLE_MS = 150_000

const why = whyNot()
if (why !== null) {
  process.stdout.write(`SKIPPED: ${why}; nothing was verified\n`)
  process.exit(0)
}

const failures: string[] = []
let checks = 0
try {
  docker('up', '--detach', '--build', '--wait', '--wait-timeout', '300')
  await sleep(SETTLE_MS)
  await check('Grafana is well', health)
  for (const uid of [INFLUX_UID, MQTT_UID]) await check(`data source ${uid}`, () => datasource(uid))
  for (const board of DASHBOARDS) await check(`dashboard ${board.uid}`, () => dashboardIsThere(board.uid!))
  for (const { title, query } of panelQueries()) await check(title, () => givesFrames(query))
  await check('alert rules', alertRules)
} finally {
  docker('down', '--volumes')
}
for (const failure of failures) process.stdout.write(`${failure}\n`)
process.stdout.write(
  `${failures.length === 0 ? 'PASSED' : 'FAILED'}: ${checks - failures.length} of ${checks}\n`,
)
process.exit(failures.length === 0 ? 0 : 1)

function whyNot(): string | null {
  const answers = (...args: string[]) => spawnSync('docker', args, { stdio: 'ignore' }).status === 0
  if (!answers('--version')) return 'Docker is not installed'
  if (!answers('compose', 'version')) return 'Docker has no compose'
  return answers('info') ? null : 'no Docker engine answers'
}

function docker(...args: string[]): void {
  const { status } = spawnSync('docker', [...COMPOSE, ...args], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) throw new Error(`docker compose ${args[0]} failed`)
}

/** `problem` resolves with what is wrong, or null. */
async function check(name: string, problem: () => Promise<string | null>): Promise<void> {
  checks++
  const found = await problem().catch(error => String(error))
  if (found !== null) failures.push(`FAILED ${name}: ${found}`)
}

async function health(): Promise<string | null> {
  const { database } = await ask<{ database: string }>('/api/health')
  return database === 'ok' ? null : `database: ${database}`
}

async function datasource(uid: string): Promise<string | null> {
  const { status, message } = await ask<{ status: string; message: string }>(
    `/api/datasources/uid/${uid}/health`,
  )
  return status === 'OK' ? null : message
}

async function dashboardIsThere(uid: string): Promise<string | null> {
  const { meta } = await ask<{ meta: { provisioned: boolean } }>(`/api/dashboards/uid/${uid}`)
  return meta.provisioned ? null : 'it is not the provisioned one'
}

function panelQueries(): { title: string; query: string }[] {
  // Values of the simulated house.
  const choices: Record<string, Choice> = {
    room: { raw: '.*' },
    device: { raw: '.*' },
    field: { raw: '.*' },
    node: { raw: '.*' },
  }
  return DASHBOARDS.flatMap(board =>
    (board.panels ?? []).flatMap(panel =>
      'targets' in panel
        ? ((panel.targets ?? []) as unknown as { query?: string }[]).flatMap(({ query }) =>
            query === undefined
              ? []
              : [{ title: `${board.uid} "${panel.title}"`, query: withVariables(query, choices) }],
          )
        : [],
    ),
  )
}

async function givesFrames(query: string): Promise<string | null> {
  const { results } = await ask<{ results: Record<string, { error?: string; frames?: unknown[] }> }>(
    '/api/ds/query',
    {
      from: 'now-15m',
      to: 'now',
      queries: [
        {
          refId: 'A',
          datasource: { uid: INFLUX_UID },
          rawQuery: true,
          query,
          resultFormat: 'time_series',
          intervalMs: 10_000,
          maxDataPoints: 500,
        },
      ],
    },
  )
  const { error, frames = [] } = results.A ?? {}
  return error ?? (frames.length > 0 ? null : `no frames for ${query}`)
}

async function alertRules(): Promise<string | null> {
  const { data } = await ask<{ data: { groups: { rules: { name: string; health: string }[] }[] } }>(
    '/api/prometheus/grafana/api/v1/rules',
  )
  const rules = data.groups.flatMap(group => group.rules)
  const missing = ALERTS.filter(({ title }) => !rules.some(({ name }) => name === title))
  if (missing.length > 0) return `missing: ${missing.map(({ title }) => title)}`
  const ill = rules.filter(rule => rule.health === 'error')
  return ill.length === 0 ? null : `not evaluated: ${ill.map(({ name }) => name)}`
}

async function ask<T>(path: string, body?: object): Promise<T> {
  const answer = await fetch(GRAFANA + path, {
    ...(body === undefined
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).slice(0, 300)}`)
  return (await answer.json()) as T
}
