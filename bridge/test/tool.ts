/** `npm run trestle -- ...`, as from another shell: what the bridge beside it was started with, it is not told. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { cleanEnv } from './trestle.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Comes by a pipe. */
  readonly input?: string
}

const CLI = join(import.meta.dirname, '../cli.ts')

/** Resolves with what it said, also when it fails. `dataDir` is that of a Trestle for tests, in which it runs. */
export async function tryTool(
  dataDir: string,
  words: readonly string[],
  { env = {}, input = '' }: ToolOptions = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...words], {
    cwd: dataDir,
    env: cleanEnv({ TRESTLE_DATA_DIR: join(dataDir, 'data'), ...env }),
  })
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: code as number, stdout, stderr }
}

/** Resolves with what it said to stdout; rejects with all that it said when it fails. */
export async function tool(
  dataDir: string,
  words: readonly string[],
  options: ToolOptions = {},
): Promise<string> {
  const ran = await tryTool(dataDir, words, options)
  if (ran.code !== 0) throw Object.assign(new Error(`trestle ${words.join(' ')}: ${ran.stderr}`), ran)
  return ran.stdout
}
