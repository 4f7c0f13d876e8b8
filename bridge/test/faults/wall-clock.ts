/** A wall clock that jumps on command, for a process and its threads: libfaketime. Timers go by the monotonic clock. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface WallClock {
  /** For the environment of the process that is to see it. */
  readonly env: Readonly<Record<string, string>>
  /** `+400d`, `-2h`, or `@1972-01-01 00:00:00`; none: the right time. */
  set(time?: string): void
}

/** `dir` is for the file that commands it. Throws, with what to install, where libfaketime is missing. */
export function wallClock(dir: string): WallClock {
  const file = join(dir, 'time')
  const set = (time = '+0') => writeFileSync(file, `${time}\n`)
  set()
  return {
    env: {
      LD_PRELOAD: findLibrary(),
      FAKETIME_TIMESTAMP_FILE: file,
      // Looked at anew at each call; a clock that jumps is the point.
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
  }
}

function findLibrary(): string {
  const directories = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter(existsSync)
  const nested = directories.flatMap(dir =>
    readdirSync(dir, { withFileTypes: true }).flatMap(entry =>
      entry.isDirectory() ? [join(dir, entry.name)] : [],
    ),
  )
  const library = [...directories, ...nested]
    .flatMap(dir => [dir, join(dir, 'faketime')])
    .map(dir => join(dir, 'libfaketimeMT.so.1'))
    .find(existsSync)
  if (library === undefined)
    throw new Error('libfaketime is missing: clock jumps cannot be tested (Debian: apt-get install faketime)')
  return library
}
