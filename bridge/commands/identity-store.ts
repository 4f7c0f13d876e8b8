/** What the commands for devices, users and tokens share: the database, while the bridge runs or not. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Settings } from '../config/schema.ts'
import { makeDirectory, SetupError } from '../data-directory.ts'
import { POLL_MS } from '../identity/identities.ts'
import { nameMistake } from '../identity/names.ts'
import { IdentityStore } from '../identity/store.ts'
import { isAlive } from '../running.ts'
import { configOrExit, fail } from './surroundings.ts'

/** By then a running bridge has seen a change. */
const NOTICED_AFTER_MS = 2 * POLL_MS

/** Ends the process with one line when the database cannot be used. */
export async function withIdentities<T>(
  work: (store: IdentityStore, settings: Settings) => T | Promise<T>,
): Promise<T> {
  const { settings } = configOrExit()
  try {
    makeDirectory(settings.dataDir)
    const store = IdentityStore.open(settings.dataDir)
    try {
      const before = JSON.stringify(store.read())
      const result = await work(store, settings)
      const hasChanged = JSON.stringify(store.read()) !== before
      if (hasChanged && isRunning(settings)) await sleep(NOTICED_AFTER_MS)
      return result
    } finally {
      store.close()
    }
  } catch (error) {
    if (error instanceof SetupError) return fail(error.message)
    if (/database is locked/.test((error as Error).message))
      return fail('identities.db is being written by somebody else; try again')
    throw error
  }
}

export function checkName(kind: string, name: string): void {
  const mistake = nameMistake(name)
  if (mistake !== null) fail(`${JSON.stringify(name)}: the name of a ${kind} ${mistake}`)
}

/** Columns as wide as they need to be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? []
  return rows
    .map(
      row =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function isRunning({ dataDir }: Settings): boolean {
  const pidFile = join(dataDir, 'lock.pid')
  return existsSync(pidFile) && isAlive(Number(readFileSync(pidFile, 'utf8')))
}
