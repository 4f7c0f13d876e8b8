/** A process that gets no more memory than so much: a control group of the kernel, version 1. */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MemoryLimit {
  /** The most that it had at once, files in the cache with it. */
  maxBytes(): number
  /** How often the kernel had to take some back. */
  failures(): number
  /** After the process has ended. */
  remove(): void
}

/** Null, with the reason told, where control groups cannot be made. */
export function limitMemory(pid: number, bytes: number): MemoryLimit | null {
  const group = join('/sys/fs/cgroup/memory', `trestle-test-${pid}`)
  const read = (name: string) => Number(readFileSync(join(group, name), 'utf8'))
  try {
    mkdirSync(group)
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(bytes))
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
  } catch (error) {
    console.error(
      `NOT TESTED: little memory; control groups are not allowed here: ${(error as Error).message}`,
    )
    return null
  }
  return {
    maxBytes: () => read('memory.max_usage_in_bytes'),
    failures: () => read('memory.failcnt'),
    remove: () => rmdirSync(group),
  }
}
