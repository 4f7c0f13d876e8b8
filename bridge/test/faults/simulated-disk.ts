/**
 * A disk that keeps only what was synced. On a crash, writes that were not are lost, torn at sectors and reordered;
 * names that were not synced are lost one by one; a file may have grown without its bytes. A sync that fails drops the
 * pages, and the next one says that all is well: what Linux does. After Vector's model and the ALICE paper.
 */

import { dirname } from 'node:path'
import type { Random } from '../../../broker/seeded.ts'
import type { SpoolFile, SpoolFiles } from '../../spool/files.ts'

const SECTOR_BYTES = 512

interface Inode {
  /** As a process sees it. */
  bytes: Buffer
  /** As the platter has it. */
  durable: Buffer
  /** Written since the last sync. */
  pending: { readonly at: number; readonly bytes: Buffer }[]
}

export type Operation = 'create' | 'open' | 'write' | 'sync' | 'cut' | 'remove' | 'rename' | 'syncDirectory'

export class SimulatedDisk implements SpoolFiles {
  readonly #random: Random
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  /** Changes of names since their directory was synced, in order. */
  #changes: { readonly path: string; readonly inode: Inode | null }[] = []
  #operations = 0
  /** The power goes in the middle of this operation, counted from now on. */
  crashAt = Number.POSITIVE_INFINITY
  #isOff = false
  /** An error code for an operation that is to fail. */
  failure: (operation: Operation, path: string) => string | null = () => null

  constructor(random: Random) {
    this.#random = random
  }

  get isOff(): boolean {
    return this.#isOff
  }

  /** Power off and on again: what is left of what was not synced is chance. */
  crash(): void {
    const names = new Map(this.#durableNames)
    const keptUpTo = new Map<string, number>()
    for (const { path } of this.#changes)
      if (!keptUpTo.has(path)) keptUpTo.set(path, Math.floor(this.#random() * 3))
    for (const { path, inode } of this.#changes) {
      const left = keptUpTo.get(path)!
      if (left === 0) continue
      keptUpTo.set(path, left - 1)
      if (inode === null) names.delete(path)
      else names.set(path, inode)
    }
    for (const inode of new Set(names.values())) this.#settle(inode)
    this.#names = names
    this.#durableNames = new Map(names)
    this.#changes = []
    this.#operations = 0
    this.crashAt = Number.POSITIVE_INFINITY
    this.#isOff = false
  }

  list(dir: string): string[] {
    return [...this.#names.keys()]
      .filter(path => dirname(path) === dir)
      .map(path => path.slice(dir.length + 1))
  }

  makeDirectory(): void {
    // Directories are there.
  }

  size(path: string): number {
    return this.#inode(path).bytes.length
  }

  readWhole(path: string): Buffer {
    return Buffer.from(this.#inode(path).bytes)
  }

  create(path: string): SpoolFile {
    this.#step('create', path)
    if (this.#names.has(path)) throw failed('EEXIST', path)
    return this.#handle(this.#newFile(path), path)
  }

  open(path: string, mode: 'read' | 'update'): SpoolFile {
    if (mode === 'update') this.#step('open', path)
    const inode = mode === 'update' ? (this.#names.get(path) ?? this.#newFile(path)) : this.#inode(path)
    return this.#handle(inode, path)
  }

  cut(path: string, bytes: number): void {
    this.#step('cut', path)
    const inode = this.#inode(path)
    inode.bytes = Buffer.from(inode.bytes.subarray(0, bytes))
    inode.durable = Buffer.from(inode.bytes)
    inode.pending = []
  }

  remove(path: string): void {
    this.#step('remove', path)
    this.#inode(path)
    this.#rename(path, null)
  }

  rename(from: string, to: string): void {
    this.#step('rename', from)
    const inode = this.#inode(from)
    this.#rename(to, inode)
    this.#rename(from, null)
  }

  copy(from: string, to: string): void {
    const inode = this.#names.get(to) ?? this.#newFile(to)
    inode.bytes = Buffer.from(this.#inode(from).bytes)
  }

  syncDirectory(dir: string): void {
    this.#step('syncDirectory', dir)
    for (const { path, inode } of this.#changes.filter(change => dirname(change.path) === dir)) {
      if (inode === null) this.#durableNames.delete(path)
      else this.#durableNames.set(path, inode)
    }
    this.#changes = this.#changes.filter(change => dirname(change.path) !== dir)
  }

  #handle(inode: Inode, path: string): SpoolFile {
    const write = (bytes: Buffer, position: number) => {
      const code = this.failure('write', path)
      // A write that fails may have written a part.
      this.#write(
        inode,
        code === null ? bytes : bytes.subarray(0, Math.floor(bytes.length * this.#random())),
        position,
      )
      this.#step('write', path)
    }
    const sync = () => {
      try {
        this.#step('sync', path)
      } catch (error) {
        // Some of it reached the platter, none of it is tried again.
        for (const part of inode.pending)
          if (this.#random() < 0.5) inode.durable = patched(inode.durable, part)
        if (!this.#isOff) inode.pending = []
        throw error
      }
      for (const part of inode.pending) inode.durable = patched(inode.durable, part)
      inode.pending = []
    }
    return {
      size: () => inode.bytes.length,
      read: (buffer, position) => inode.bytes.copy(buffer, 0, position, position + buffer.length),
      writeDurably: async (bytes, position) => {
        write(Buffer.from(bytes), position)
        await null
        sync()
      },
      writeNow: (bytes, position) => write(Buffer.from(bytes), position),
      syncNow: sync,
      close: () => undefined,
    }
  }

  #write(inode: Inode, bytes: Buffer, at: number): void {
    if (this.#isOff || bytes.length === 0) return
    inode.bytes = patched(inode.bytes, { at, bytes })
    inode.pending.push({ at, bytes })
  }

  /** Every sector of what was not synced arrived, or did not. */
  #settle(inode: Inode): void {
    let bytes = inode.durable
    for (const { at, bytes: written } of inode.pending) {
      for (let from = 0; from < written.length; ) {
        const end = Math.min(written.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES))
        const fate = this.#random()
        if (fate < 0.5) bytes = patched(bytes, { at: at + from, bytes: written.subarray(from, end) })
        else if (fate < 0.75) bytes = patched(bytes, { at: at + from, bytes: Buffer.alloc(0) })
        from = end
      }
    }
    inode.bytes = bytes
    inode.durable = Buffer.from(bytes)
    inode.pending = []
  }

  #newFile(path: string): Inode {
    const inode: Inode = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] }
    this.#rename(path, inode)
    return inode
  }

  #rename(path: string, inode: Inode | null): void {
    if (inode === null) this.#names.delete(path)
    else this.#names.set(path, inode)
    this.#changes.push({ path, inode })
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw failed('ENOENT', path)
    return inode
  }

  #step(operation: Operation, path: string): void {
    if (this.#isOff) throw failed('EIO', path)
    if (++this.#operations >= this.crashAt) {
      this.#isOff = true
      throw failed('EIO', path)
    }
    const code = this.failure(operation, path)
    if (code !== null) throw failed(code, path)
  }
}

/** `bytes` written over a file at a place; a gap before it is zeros, as is a part that is empty. */
function patched(file: Buffer, { at, bytes }: { at: number; bytes: Buffer }): Buffer {
  const grown = Buffer.alloc(Math.max(file.length, at + bytes.length))
  file.copy(grown)
  bytes.copy(grown, at)
  return grown
}

function failed(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${path}`), { code })
}
