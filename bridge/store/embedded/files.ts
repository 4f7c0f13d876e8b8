import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
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
    const isNew = !existsSync(rollupPath(directory))
    this.#directory = directory
    this.rollup = new RollupFile(directory)
    try {
      if (isNew) this.#adoptDays()
    } catch (error) {
      this.close()
      throw error
    }
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

  /**
   * The place in the spool from which on something may be missing. A disk that lies about flushes can lose the
   * end of a day's file and keep that of `rollup.db`: then it is the place that the day's file knows.
   */
  position(): number {
    const lost = [...this.rollup.days.values()]
      .filter(({ day, position }) => position > 0 && existsSync(dayFilePath(this.#directory, day)))
      .map(({ day, position }) => ({ stored: this.day(day).position, position }))
      .filter(({ stored, position }) => stored < position)
    return Math.min(this.rollup.position, ...lost.map(({ stored }) => stored))
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

  /** `rollup.db` is gone but days are there: all that it knew of them is computed again. */
  #adoptDays(): void {
    for (const day of this.days()) {
      const file = this.day(day)
      file.markAllDirty()
      this.rollup.adopt(file)
    }
  }
}
