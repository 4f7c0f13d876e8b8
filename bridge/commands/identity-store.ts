/** What the commands for devices, users and tokens share: the database, while the bridge runs or not. */

import type { Settings } from '../config/schema.ts'
import { makeDirectory, SetupError } from '../data-directory.ts'
import { nameMistake } from '../identity/names.ts'
import { IdentityStore } from '../identity/store.ts'
import { configOrExit, fail } from './surroundings.ts'

/** Ends the process with one line when the database cannot be used. */
export async function withIdentities<T>(
  work: (store: IdentityStore, settings: Settings) => T | Promise<T>,
): Promise<T> {
  const { settings } = configOrExit()
  try {
    makeDirectory(settings.dataDir)
    const store = IdentityStore.open(settings.dataDir)
    try {
      return await work(store, settings)
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
