/**
 * The few things that the spool asks of a disk. The second implementation is a simulated one that loses, tears and
 * reorders whatever was not synced (test/faults/simulated-disk.ts): what this file promises is what that one breaks.
 */

import {
  closeSync,
  constants,
  copyFileSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { promisify } from 'node:util'

const writeAsync = promisify(write)
const fdatasyncAsync = promisify(fdatasync)

/**
 * On Linux a write by a descriptor opened with O_DSYNC is a write and an fdatasync in one call. As two calls, the second
 * began only when the main thread, busy with what arrived meanwhile, got round to it: a block took 3.6 instead of 2.4 ms
 * at 120,000 messages a second, and the thread was idle for a fifth of its time instead of a tenth. Elsewhere the flag is
 * not there, or means less than fdatasync (macOS: nothing of the drive's cache).
 */
const DSYNC = process.platform === 'linux' ? constants.O_DSYNC : 0

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL

export interface SpoolFiles {
  /** Names in a directory, in no order. */
  list(dir: string): string[]
  /** With its parents; no error when it is there. */
  makeDirectory(dir: string): void
  size(path: string): number
  readWhole(path: string): Buffer
  /** A file that was not there; fails with EEXIST otherwise. */
  create(path: string): SpoolFile
  /** `update` makes the file when it is not there. */
  open(path: string, mode: 'read' | 'update'): SpoolFile
  /** Shortens a file, durably, through a descriptor of its own. */
  cut(path: string, bytes: number): void
  remove(path: string): void
  rename(from: string, to: string): void
  copy(from: string, to: string): void
  /** Makes the names in a directory durable: files created, renamed, removed. */
  syncDirectory(dir: string): void
}

/** Bytes are durable after a sync, not before; the name of a new file is durable after `syncDirectory`. */
export interface SpoolFile {
  size(): number
  /** Fills `buffer` from `position` on, up to the end of the file; returns how many bytes it got. */
  read(buffer: Buffer, position: number): number
  /** A write and a sync: when it resolves, all that was written to this file is durable. */
  writeDurably(bytes: Buffer, position: number): Promise<void>
  /** One by one, and waiting for the disk: for threads of their own, and for what is small and seldom. */
  writeNow(bytes: Buffer, position: number): void
  syncNow(): void
  /** Closing again is harmless. */
  close(): void
}

export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export const disk: SpoolFiles = {
  list: readdirSync,
  makeDirectory: dir => void mkdirSync(dir, { recursive: true, mode: 0o700 }),
  size: path => statSync(path).size,
  readWhole: path => readFileSync(path),
  create: path => new DiskFile(openSync(path, CREATE | DSYNC, 0o600), DSYNC !== 0),
  open: (path, mode) =>
    new DiskFile(openSync(path, mode === 'read' ? 'r' : constants.O_RDWR | constants.O_CREAT, 0o600), false),
  cut(path, bytes) {
    const fd = openSync(path, 'r+')
    try {
      ftruncateSync(fd, bytes)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  },
  remove: unlinkSync,
  rename: renameSync,
  copy: copyFileSync,
  syncDirectory,
}

class DiskFile implements SpoolFile {
  readonly #fd: number
  /** A write returns when it is on the disk. */
  readonly #isSynchronous: boolean
  #isClosed = false

  constructor(fd: number, isSynchronous: boolean) {
    this.#fd = fd
    this.#isSynchronous = isSynchronous
  }

  size(): number {
    return fstatSync(this.#fd).size
  }

  read(buffer: Buffer, position: number): number {
    let filled = 0
    while (filled < buffer.length) {
      const read = readSync(this.#fd, buffer, filled, buffer.length - filled, position + filled)
      if (read === 0) break
      filled += read
    }
    return filled
  }

  async writeDurably(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await writeAsync(this.#fd, bytes, done, bytes.length - done, position + done)).bytesWritten
    }
    if (!this.#isSynchronous) await fdatasyncAsync(this.#fd)
  }

  writeNow(bytes: Buffer, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#fd, bytes, done, bytes.length - done, position + done)
    }
  }

  syncNow(): void {
    fdatasyncSync(this.#fd)
  }

  close(): void {
    if (this.#isClosed) return
    // Before the call: a descriptor is gone after close(2) even when that fails, and its number may be another's.
    this.#isClosed = true
    closeSync(this.#fd)
  }
}
