/** `npm run bench -- <name> [options]`: each benchmark is a program of its own, and says in its head what it measures. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const BENCHES: Readonly<Record<string, readonly [file: string, what: string]>> = {
  page: ['dashboards/bench-page.ts', 'the operator page in Chromium, against its bars'],
  decode: ['bridge/bench/decode.ts', 'what decoding a message costs'],
  relay: ['bridge/bench/relay.ts', 'what the live relay costs with many clients'],
  store: ['bridge/bench/embedded-store.ts', 'the embedded store: writing and asking'],
}

const [name = '', ...args] = process.argv.slice(2)
const bench = BENCHES[name]
if (bench === undefined || !existsSync(join(ROOT, bench[0]))) {
  console.error('npm run bench -- <name> [options]\n')
  for (const [known, [, what]] of Object.entries(BENCHES)) console.error(`  ${known.padEnd(8)} ${what}`)
  process.exitCode = 2
} else {
  const { status } = spawnSync(process.execPath, [join(ROOT, bench[0]), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}
