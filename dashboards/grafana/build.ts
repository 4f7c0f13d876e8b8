/** `npm run dashboards`: writes `out/` anew. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { OUT_DIR, outputs } from './outputs.ts'

rmSync(OUT_DIR, { recursive: true, force: true })
for (const [path, text] of outputs()) {
  const file = join(OUT_DIR, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  process.stderr.write(`${relative(process.cwd(), file)}\n`)
}
