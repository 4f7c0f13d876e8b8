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
  write(bytes: Buffer, position: number): Promise<void>
  sync(): Promise<void>
  /** The same, waiting for the disk: for threads of their own, and for what is small and seldom. */
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
  create: path => new DiskFile(openSync(path, 'wx', 0o600)),
  open: (path, mode) =>
    new DiskFile(openSync(path, mode === 'read' ? 'r' : constants.O_RDWR | constants.O_CREAT, 0o600)),
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
  #isClosed = false

  constructor(fd: number) {
    this.#fd = fd
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

  async write(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await writeAsync(this.#fd, bytes, done, bytes.length - done, position + done)).bytesWritten
    }
  }

  sync(): Promise<void> {
    return fdatasyncAsync(this.#fd)
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
