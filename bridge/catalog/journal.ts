/**
 * First-sight decisions, remembered on disk: JSON lines, appended and synced before the first spool block that leans
 * on them. Written anew, without what later lines override, when it has grown to a multiple of what it says: a device
 * that is given another name every second must not fill the disk.
 */

import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  write,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { syncDirectory } from '../spool/files.ts'

const writeAsync = promisify(write)
const fdatasyncAsync = promisify(fdatasync)

export interface JournalOptions {
  /** Gets what earlier starts wrote, in order; a line torn by a crash is left out. */
  readonly onRecord: (record: unknown) => void
  /** What the journal amounts to by now. */
  readonly everything: () => Iterable<object>
  /** Grown by more than so many bytes and than it was, it is written anew. */
  readonly slackBytes?: number
}

const SLACK_BYTES = 4 * 1024 ** 2
/** Written between two turns of the event loop. */
const CHUNK_RECORDS = 1_000

export class Journal {
  readonly #path: string
  readonly #everything: () => Iterable<object>
  readonly #slackBytes: number
  #fd: number
  #bytes: number
  #bytesWhenNew: number
  #pending: string[] = []
  #writing: Promise<void> | null = null

  constructor(path: string, { onRecord, everything, slackBytes = SLACK_BYTES }: JournalOptions) {
    this.#path = path
    this.#everything = everything
    this.#slackBytes = slackBytes
    const isTorn = existsSync(path) && replay(readFileSync(path), onRecord)
    this.#fd = openSync(path, 'a', 0o600)
    // A torn last line must not swallow the next one.
    if (isTorn) writeSync(this.#fd, '\n')
    this.#bytes = fstatSync(this.#fd).size
    // How much of it was outdated is not known: half of what it may become.
    this.#bytesWhenNew = Math.floor(this.#bytes / 2)
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

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      closeSync(this.#fd)
    }
  }

  /** Also what is added meanwhile: whoever asks for a flush then waits for this one. */
  async #write(): Promise<void> {
    do {
      await this.#append()
      if (this.#bytes > this.#bytesWhenNew * 2 + this.#slackBytes) await this.#writeAnew()
    } while (this.#pending.length > 0)
  }

  async #append(): Promise<void> {
    const records = this.#pending
    this.#pending = []
    try {
      // A failed attempt may have left a part: the newline makes it a line of its own, which a replay leaves out.
      const bytes = Buffer.from(records.join(''))
      await writeAll(this.#fd, bytes)
      await fdatasyncAsync(this.#fd)
      this.#bytes += bytes.length
    } catch (error) {
      this.#pending = ['\n', ...records, ...this.#pending]
      this.#reopen()
      throw error
    }
  }

  /** What is added meanwhile is appended afterwards, and may say again what the new file says. */
  async #writeAnew(): Promise<void> {
    const path = `${this.#path}.new`
    try {
      const bytes = await this.#writeEverything(path)
      renameSync(path, this.#path)
      syncDirectory(dirname(this.#path))
      this.#reopen()
      this.#bytes = bytes
    } catch {
      // The journal as it is says everything: it may be too long, and is tried again when it is longer still.
      rmSync(path, { force: true })
    }
    this.#bytesWhenNew = this.#bytes
  }

  /** Returns how many bytes they are. */
  async #writeEverything(path: string): Promise<number> {
    const fd = openSync(path, 'w', 0o600)
    let bytes = 0
    let records: string[] = []
    const write = async () => {
      const chunk = Buffer.from(records.join(''))
      records = []
      await writeAll(fd, chunk)
      bytes += chunk.length
    }
    try {
      for (const record of this.#everything()) {
        if (records.push(`${JSON.stringify(record)}\n`) >= CHUNK_RECORDS) await write()
      }
      await write()
      await fdatasyncAsync(fd)
      return bytes
    } finally {
      closeSync(fd)
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

async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await writeAsync(fd, bytes, done)).bytesWritten
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
