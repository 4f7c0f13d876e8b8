/**
 * First-sight decisions, remembered on disk: JSON lines, appended and synced before the first spool block that leans
 * on them. Written anew, without what a later line overrides, when a start finds it mostly outdated.
 */

import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  write,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { syncDirectory } from '../spool/files.ts'

const writeAsync = promisify(write)
const fdatasyncAsync = promisify(fdatasync)

export class Journal {
  readonly #path: string
  #fd: number
  #pending: string[] = []
  #writing: Promise<void> | null = null

  /** `onRecord` gets what earlier starts wrote, in order; a line torn by a crash is left out. */
  constructor(path: string, onRecord: (record: unknown) => void) {
    this.#path = path
    const isTorn = existsSync(path) && replay(readFileSync(path), onRecord)
    this.#fd = openSync(path, 'a', 0o600)
    // A torn last line must not swallow the next one.
    if (isTorn) writeSync(this.#fd, '\n')
    syncDirectory(dirname(path))
  }

  add(record: object): void {
    this.#pending.push(`${JSON.stringify(record)}\n`)
  }

  /** Null: nothing waits. Otherwise resolves when everything added is on the disk; rejects when the disk refuses. */
  flush(): Promise<void> | null {
    if (this.#writing !== null) return this.#writing
    if (this.#pending.length === 0) return null
    this.#writing = this.#write().finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  /** Replaces the file by `records`, which say the same. */
  rewrite(records: Iterable<object>): void {
    const path = `${this.#path}.new`
    const fd = openSync(path, 'w', 0o600)
    try {
      for (const record of records) writeSync(fd, `${JSON.stringify(record)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(path, this.#path)
    syncDirectory(dirname(this.#path))
    closeSync(this.#fd)
    this.#fd = openSync(this.#path, 'a', 0o600)
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      closeSync(this.#fd)
    }
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const records = this.#pending
      this.#pending = []
      try {
        // A failed attempt may have left a part: the newline makes it a line of its own, which a replay leaves out.
        const bytes = Buffer.from(records.join(''))
        for (let done = 0; done < bytes.length; ) {
          done += (await writeAsync(this.#fd, bytes, done)).bytesWritten
        }
        await fdatasyncAsync(this.#fd)
      } catch (error) {
        this.#pending = ['\n', ...records, ...this.#pending]
        this.#reopen()
        throw error
      }
    }
  }

  /** After a failed sync the old descriptor cannot be trusted to report again. */
  #reopen(): void {
    try {
      closeSync(this.#fd)
    } catch {
      // It may be the thing that is broken.
    }
    this.#fd = openSync(this.#path, 'a', 0o600)
  }
}

/** Returns whether the file ends within a line. */
function replay(file: Buffer, onRecord: (record: unknown) => void): boolean {
  for (let at = 0; at < file.length; ) {
    const end = file.indexOf(0x0a, at)
    if (end < 0) return true
    try {
      onRecord(JSON.parse(file.toString('utf8', at, end)))
    } catch {
      // Torn by a crash before it was synced: nothing on the disk leans on it.
    }
    at = end + 1
  }
  return false
}
