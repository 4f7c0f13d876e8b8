/** For tests: a persistence with a file of its own, its limits wide unless told otherwise, and one that answers late. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { readState, type SavedState } from './database.ts'
import type { PersistenceOptions } from './persistence.ts'
import type { SessionLimits } from './room.ts'
import type { SqlitePersistence } from './sqlite-persistence.ts'

const FILE = 'broker.db'

export interface Directory {
  readonly path: string
  remove(): void
}

export function newDirectory(): Directory {
  const path = mkdtempSync(join(tmpdir(), 'trestle-broker-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Of a copy: what would be there after a crash at this moment. */
export function stateOnDisk(directory: string): SavedState {
  const copy = newDirectory()
  cpSync(directory, copy.path, { recursive: true })
  const { state } = readState(join(copy.path, FILE))
  copy.remove()
  return state
}

export const WIDE: SessionLimits = {
  maxSessions: 10_000,
  expiryMs: 3_600_000,
  maxQueuedMessages: 10_000,
  maxQueuedBytes: 64 * 1024 ** 2,
  maxTotalBytes: 256 * 1024 ** 2,
}

const say = (_fields: object, _text: string): void => undefined
export const QUIET = { debug: say, warn: say, error: say }

export function persistenceOptions(
  directory: string,
  sessions: Partial<SessionLimits> = {},
  retained: Partial<PersistenceOptions['retained']> = {},
): PersistenceOptions {
  return {
    path: join(directory, FILE),
    retained: { maxMessages: 10_000, maxBytes: 64 * 1024 ** 2, ...retained },
    sessions: { ...WIDE, ...sessions },
    log: QUIET,
  }
}

/** Every answer is late by 1 ms to `maxMs`, in the order of the calls, as from a database across the network. */
export function answerLate(
  persistence: SqlitePersistence,
  random: () => number,
  maxMs = 20,
): SqlitePersistence {
  let last: Promise<unknown> = Promise.resolve()
  const late = <T>(answer: Promise<T>): Promise<T> => {
    answer.catch(() => undefined)
    const before = last
    last = Promise.all([before, sleep(1 + random() * (maxMs - 1))])
    return last.then(() => answer)
  }
  return new Proxy(persistence, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const method = value.bind(target) as (...parameters: unknown[]) => unknown
      // Aedes insists on an asynchronous function by its looks.
      if (name === 'setup') return async (host: unknown) => await method(host)
      return (...parameters: unknown[]) => {
        const answer = method(...parameters)
        return answer instanceof Promise ? late(answer) : (answer as Readable)
      }
    },
  })
}
