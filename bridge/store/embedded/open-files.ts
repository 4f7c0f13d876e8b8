import { statSync } from 'node:fs'

/** Keeps a few files open, the most recently used, and notices when one was replaced or unlinked meanwhile. */
export class OpenFiles<T extends { close(): void }> {
  readonly #open: (path: string) => T | null
  readonly #max: number
  /** The most recently used last. */
  readonly #files = new Map<string, { readonly file: T; readonly inode: number }>()

  /** `open` says null for a file that is not there. */
  constructor(max: number, open: (path: string) => T | null) {
    this.#max = max
    this.#open = open
  }

  /** Null when there is no such file. */
  get(path: string): T | null {
    const inode = statSync(path, { throwIfNoEntry: false })?.ino
    const known = this.#files.get(path)
    this.#files.delete(path)
    if (known && known.inode === inode) {
      this.#files.set(path, known)
      return known.file
    }
    known?.file.close()
    const file = inode === undefined ? null : this.#open(path)
    if (file && inode !== undefined) this.#files.set(path, { file, inode })
    for (const [oldest, { file }] of this.#files) {
      if (this.#files.size <= this.#max) break
      this.#files.delete(oldest)
      file.close()
    }
    return file
  }

  close(): void {
    for (const { file } of this.#files.values()) file.close()
    this.#files.clear()
  }
}
