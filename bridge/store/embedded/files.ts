import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isDamaged } from './database.ts'
import { DayFile, dayFilePath, dayOfFileName } from './day-file.ts'
import { RollupFile, rollupPath } from './rollup-file.ts'

/** Today, yesterday, and two for late points. */
const MAX_OPEN_DAYS = 4

/** The files of one directory as their only writer has them open. After an error: close, and begin anew. */
export class Files {
  readonly rollup: RollupFile
  readonly #directory: string
  /** The most recently used last. */
  readonly #days = new Map<number, DayFile>()

  /** Makes what is missing. Throws what the file system and SQLite throw. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#directory = directory
    this.rollup = new RollupFile(directory)
    try {
      this.#reconcile()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The place in the spool up to which everything is stored. */
  get position(): number {
    return this.rollup.position
  }

  /** The file of a day, made when it is missing. */
  day(day: number): DayFile {
    const file = this.#days.get(day) ?? this.#open(day)
    this.#days.delete(day)
    this.#days.set(day, file)
    for (const oldest of this.#days.keys()) {
      if (this.#days.size <= MAX_OPEN_DAYS) break
      this.#close(oldest)
    }
    return file
  }

  /** The days that have a file, ascending. */
  days(): number[] {
    return readdirSync(this.#directory)
      .map(dayOfFileName)
      .filter(day => day !== null)
      .sort((a, b) => a - b)
  }

  unlink(day: number): void {
    this.#close(day)
    const path = dayFilePath(this.#directory, day)
    // The log first: left alone it would be taken for the log of a later file of that name.
    for (const suffix of ['-wal', '-shm', '']) rmSync(path + suffix, { force: true })
  }

  close(): void {
    for (const day of this.#days.keys()) this.#close(day)
    this.rollup.close()
  }

  #open(day: number): DayFile {
    const path = dayFilePath(this.#directory, day)
    const known = this.rollup.days.get(day)
    if (known && known.position > 0 && !existsSync(path)) this.rollup.startNextPart(day)
    const part = this.rollup.days.get(day)?.part ?? 0
    const file = new DayFile(this.#directory, day, part)
    if (file.part >= part) return file
    // A crash came between the decision to unlink this file and the deed.
    file.close()
    this.unlink(day)
    return new DayFile(this.#directory, day, part)
  }

  #close(day: number): void {
    this.#days.get(day)?.close()
    this.#days.delete(day)
  }

  /**
   * A disk that lies about flushes can lose the end of one file and keep that of another; a person can delete one.
   * What the days hold is rolled up again where `rollup.db` knows less, and the spool is asked for what a day
   * has lost.
   */
  #reconcile(): void {
    for (const day of this.days()) {
      const file = this.day(day)
      const known = this.rollup.days.get(day)
      if (!known || file.rollups > known.rollups) {
        file.markAllDirty()
        this.rollup.adopt(file)
      } else if (file.position < known.position) this.rollup.rewind(file)
    }
  }
}

/**
 * Renames what is damaged, its log with it, so that ingest goes on without it and a person can look at it. Begins
 * after all files are closed; returns the new names.
 *
 * A day goes on as its next part, so what was rolled up of it stays. Without `rollup.db` the roll-ups of the days
 * that still have a file are computed again.
 */
export function setDamagedAside(directory: string): string[] {
  return readdirSync(directory)
    .filter(name => name === basename(rollupPath(directory)) || dayOfFileName(name) !== null)
    .filter(name => isDamaged(join(directory, name)))
    .map(name => {
      const aside = `${name}.damaged-${Date.now()}`
      for (const suffix of ['-wal', '']) {
        if (existsSync(join(directory, name + suffix))) {
          renameSync(join(directory, name + suffix), join(directory, aside + suffix))
        }
      }
      rmSync(join(directory, `${name}-shm`), { force: true })
      return aside
    })
}
