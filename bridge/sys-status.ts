/** Tells the broker's figures on `$SYS/broker/...`, retained, as often as the setting says. */

import { readFileSync } from 'node:fs'
import type { Broker } from '../broker/broker.ts'
import type { Persistence } from '../broker/persistence/persistence.ts'
import { type Figures, Status } from '../broker/status.ts'

export interface StatusParts {
  readonly broker: Broker
  readonly persistence: Persistence
  readonly intervalMs: number
}

/** Returns how to end it. */
export function startStatus({ broker, persistence, intervalMs }: StatusParts): () => void {
  const status = new Status(versionOfPackage())
  let maximum = 0
  const tell = () => {
    const figures = figuresOf(broker, persistence, maximum)
    maximum = figures.clientsMaximum
    // What cannot be told is logged there; the next time has newer figures.
    for (const publication of status.news(figures)) broker.publish(publication).catch(() => undefined)
  }
  tell()
  const timer = setInterval(tell, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

function figuresOf(broker: Broker, persistence: Persistence, maximum: number): Figures {
  const { clients, stats } = broker
  let away = 0
  for (const session of persistence.sessions.all()) if (!session.isConnected) away++
  return {
    clientsConnected: clients,
    clientsTotal: clients + away,
    clientsMaximum: Math.max(maximum, clients + away),
    sessionsExpired: stats.sessionsExpired,
    connections: stats.connections,
    received: stats.received,
    dropped: stats.skipped + Object.values(stats.dropped).reduce((sum, count) => sum + count, 0),
    retained: stats.retained,
    subscriptions: stats.subscriptions,
    queued: stats.queuedMessages,
    queuedBytes: stats.queuedBytes,
  }
}

function versionOfPackage(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
