/**
 * The data directory: its format, its node id, and the lock that lets one process use it.
 *
 * The lock is an exclusive transaction on `lock.db` that is never ended: the kernel releases it with the process,
 * also after kill -9, so that there is no stale lock to judge.
 */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'

/** A newer one is refused; an older one would be migrated here, step by step. */
const FORMAT_VERSION = 1

const formatSchema = z.object({
  version: z.number().int().positive(),
  /** Random, 16 bytes in hex: whose blocks, ledger and quarantine these are. A copy must not run beside the original. */
  nodeId: z.string().regex(/^[0-9a-f]{32}$/),
})

export interface DataDirectory {
  readonly path: string
  readonly nodeId: string
  readonly spool: string
  readonly cursor: string
  readonly store: string
  readonly quarantine: string
  readonly catalog: string
  readonly broker: string
  close(): void
}

/** A mistake in the surroundings, told in one line; exit code 2. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
}

/** Throws a SetupError when the directory cannot be used. */
export function openDataDirectory(path: string): DataDirectory {
  try {
    makeDirectory(path)
  } catch (error) {
    throw unusable(path, error)
  }
  const lock = takeLock(path)
  try {
    return {
      path,
      nodeId: readFormat(path).nodeId,
      spool: join(path, 'spool'),
      cursor: join(path, 'cursor'),
      store: join(path, 'store'),
      quarantine: join(path, 'quarantine.db'),
      catalog: join(path, 'catalog.jsonl'),
      broker: join(path, 'broker.db'),
      close: () => lock.close(),
    }
  } catch (error) {
    lock.close()
    throw error instanceof SetupError ? error : unusable(path, error)
  }
}

/** With its parents, one by one: `recursive` never ends in a file system that answers ENOENT, such as /proc. */
export function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

function takeLock(path: string): DatabaseSync {
  const pidFile = join(path, 'lock.pid')
  let lock: DatabaseSync | null = null
  try {
    lock = new DatabaseSync(join(path, 'lock.db'))
    lock.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE')
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
    return lock
  } catch (error) {
    lock?.close()
    if (/database is locked/.test((error as Error).message)) {
      const pid = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : 'unknown'
      throw new SetupError(`data directory ${path} is in use by another process (pid ${pid})`, {
        cause: error,
      })
    }
    throw unusable(path, error)
  }
}

function readFormat(path: string): z.infer<typeof formatSchema> {
  const file = join(path, 'format.json')
  if (!existsSync(file)) {
    const format = { version: FORMAT_VERSION, nodeId: randomBytes(16).toString('hex') }
    writeFileSync(`${file}.new`, `${JSON.stringify(format)}\n`, { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
    return format
  }
  const parsed = formatSchema.safeParse(parseJson(readFileSync(file, 'utf8')))
  if (!parsed.success)
    throw new SetupError(`${file} is damaged; restore it from a backup, or move ${path} away`)
  if (parsed.data.version > FORMAT_VERSION) {
    throw new SetupError(
      `data directory ${path} has format ${parsed.data.version}, this version knows ${FORMAT_VERSION}: use a newer one`,
    )
  }
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function unusable(path: string, error: unknown): SetupError {
  const { code, message } = error as NodeJS.ErrnoException
  const why =
    code === 'EACCES' || code === 'EROFS' || /unable to open|readonly/.test(message)
      ? 'is not writable'
      : 'cannot be used'
  return new SetupError(`data directory ${path} ${why}: ${message}`, { cause: error })
}
