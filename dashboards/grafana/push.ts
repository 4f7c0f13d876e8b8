/**
 * Live panels by push: hands every reading to Grafana Live, by line protocol to `/api/live/push/trestle`. A process of
 * its own, and to the bridge a live client like any other: slow or gone, it harms nobody.
 *
 *   GRAFANA_TOKEN_FILE=token node dashboards/grafana/push.ts
 *
 * GRAFANA_URL (http://127.0.0.1:3000) · GRAFANA_TOKEN or GRAFANA_TOKEN_FILE, of a service account that may push ·
 * BRIDGE_URL (http://127.0.0.1:8080) · BRIDGE_TOKEN or BRIDGE_TOKEN_FILE, where the bridge asks who is there.
 *
 * The channel of a device is `stream/trestle/<device>`: Grafana makes one of each measurement.
 */

import { readFileSync } from 'node:fs'
import { connectLive } from '../../bridge/live/client.ts'
import type { LiveReading } from '../../bridge/live/protocol.ts'
import { escapeMeasurement, escapeName } from '../../bridge/store/line-protocol.ts'

export interface PushOptions {
  readonly bridgeUrl: string
  readonly bridgeToken?: string | undefined
  readonly grafanaUrl: string
  readonly grafanaToken: string
  readonly say: (text: string) => void
}

/** Between two posts: eyes see no more, and Grafana works for each. */
const EVERY_MS = 100
/** While Grafana is away or slow, the newest; it is a view of now, and the store has the rest. */
const MAX_WAITING = 5000
const ANSWER_WITHIN_MS = 5000
/** What Grafana takes in the name of a channel, and no longer than its 160 characters with what stands before. */
const CHANNEL_NAME = /^[\w\-/=.]{1,140}$/

export function startPush(options: PushOptions): { close(): Promise<void> } {
  const { bridgeUrl, bridgeToken, grafanaUrl, grafanaToken, say } = options
  const unfit = new Set<string>()
  let waiting: string[] = []
  let posting: Promise<void> | null = null
  let trouble: string | null = null

  const client = connectLive({
    url: new URL('/live', bridgeUrl),
    ...(bridgeToken === undefined ? {} : { token: bridgeToken }),
  })
  client.subscribe({
    onReadings: readings => {
      for (const reading of readings) {
        if (CHANNEL_NAME.test(reading.device)) waiting.push(...lineOf(reading))
        else if (!unfit.has(reading.device)) {
          unfit.add(reading.device)
          say(`${reading.device} cannot be the name of a channel in Grafana; it is left out`)
        }
      }
      if (waiting.length > MAX_WAITING) waiting = waiting.slice(-MAX_WAITING)
    },
  })

  async function post(): Promise<void> {
    const lines = waiting
    waiting = []
    const problem = await push(lines.join(''))
    if (problem !== trouble) say(problem ?? 'Grafana takes readings')
    trouble = problem
  }

  /** What went wrong; null: nothing. */
  async function push(body: string): Promise<string | null> {
    try {
      const answer = await fetch(new URL('/api/live/push/trestle', grafanaUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${grafanaToken}`, 'content-type': 'text/plain' },
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      })
      const text = await answer.text()
      return answer.ok ? null : `Grafana: ${answer.status} ${text.slice(0, 200)}`
    } catch (error) {
      return `Grafana: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  const timer = setInterval(() => {
    if (waiting.length === 0) return
    posting ??= post().finally(() => {
      posting = null
    })
  }, EVERY_MS)

  return {
    async close() {
      clearInterval(timer)
      client.close()
      await posting
    },
  }
}

/** What can be drawn: numbers, and booleans as bands. None or one. */
function lineOf({ device, values, time }: LiveReading): string[] {
  const fields = Object.entries(values)
    .filter(([, value]) => typeof value !== 'string')
    .map(([name, value]) => `${escapeName(name)}=${value}`)
  return fields.length === 0
    ? []
    : [`${escapeMeasurement(device)} ${fields.join(',')} ${Math.round(time * 1000)}000\n`]
}

if (import.meta.main) {
  const grafanaToken = secret('GRAFANA_TOKEN')
  if (grafanaToken === undefined) {
    process.stderr.write(
      'push: GRAFANA_TOKEN or GRAFANA_TOKEN_FILE is needed, of a service account that may push\n',
    )
    process.exit(2)
  }
  const running = startPush({
    bridgeUrl: process.env.BRIDGE_URL ?? 'http://127.0.0.1:8080',
    bridgeToken: secret('BRIDGE_TOKEN'),
    grafanaUrl: process.env.GRAFANA_URL ?? 'http://127.0.0.1:3000',
    grafanaToken,
    say: text => process.stderr.write(`push: ${text}\n`),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void running.close().then(() => process.exit(0)))
}

function secret(name: string): string | undefined {
  const file = process.env[`${name}_FILE`]
  return process.env[name] ?? (file === undefined ? undefined : readFileSync(file, 'utf8').trim())
}
