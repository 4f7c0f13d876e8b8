/**
 * A copy of the data directory, also while the bridge runs: readings on their way, store, quarantine, what the broker
 * keeps for others, who is known, certificates. It is as secret as the original. The position of the store is copied
 * before what it speaks of, and the spool last: a restored directory delivers again what it is not sure of, which
 * changes nothing.
 */

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Command } from 'commander'
import { listSegments, segmentName } from '../spool/segment.ts'
import { configOrExit, fail } from './surroundings.ts'

export function register(program: Command): void {
  program
    .command('backup')
    .description('copy the data directory, also while the bridge runs; to restore, put the copy in its place')
    .argument('<directory>', 'where to; must not exist')
    .action((directory: string) => {
      const { settings } = configOrExit()
      if (existsSync(directory)) fail(`${directory} is there already`)
      const files = backUp(settings.dataDir, directory)
      process.stderr.write(`${files} files copied to ${directory}.\n`)
    })
}

/** Returns the number of files. */
function backUp(dataDir: string, directory: string): number {
  let files = 0
  const copy = (name: string) => {
    const from = join(dataDir, name)
    const to = join(directory, name)
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    if (name.endsWith('.db')) copyDatabase(from, to)
    else copyFileSync(from, to)
    chmodSync(to, statSync(from).mode)
    files++
  }
  const names = filesBelow(dataDir).filter(
    name => !/^spool\/|^lock\.|^running\.json$|-(wal|shm|journal)$|\.new$/.test(name),
  )
  // The position first, then the roll-ups, which say how far the days are.
  const order = (name: string) => (name === 'cursor' ? 0 : name.endsWith('rollup.db') ? 1 : 2)
  for (const name of names.toSorted((a, b) => order(a) - order(b))) copy(name)
  const spool = join(dataDir, 'spool')
  if (existsSync(spool)) for (const first of listSegments(spool)) copy(join('spool', segmentName(first)))
  return files
}

/** One moment of the database, whatever is written meanwhile. */
function copyDatabase(from: string, to: string): void {
  const db = new DatabaseSync(from, { readOnly: true, timeout: 10_000 })
  try {
    db.prepare('VACUUM INTO ?').run(to)
  } finally {
    db.close()
  }
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(dir.length + 1))
}
