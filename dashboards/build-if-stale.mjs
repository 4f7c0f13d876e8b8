/**
 * Builds the page when it is missing or older than its sources, before the bridge starts. Plain JavaScript, and
 * a look at the files only: a start with a fresh page costs a few milliseconds. A production image has the built
 * page and no Vite; then what is there is served.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const page = join(root, 'dashboards/live')
const built = join(page, 'dist/index.html')
/** What the page is made of; the bridge shares its words and its live client with it. */
const sources = [
  page,
  join(root, 'bridge/live'),
  join(root, 'bridge/telemetry'),
  join(root, 'package-lock.json'),
]

const say = text => process.stderr.write(`${text}\n`)

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return /\.test\.tsx?$/.test(path) ? 0 : stat.mtimeMs
  let latest = 0
  for (const name of readdirSync(path))
    if (name !== 'dist') latest = Math.max(latest, newest(join(path, name)))
  return latest
}

const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
if (builtMs === 0 || sources.some(path => newest(path) > builtMs)) build()

function build() {
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  if (!existsSync(vite)) {
    if (builtMs === 0)
      say('The page is not built, and Vite is not installed to build it: npm ci, then npm run build.')
    return
  }
  const startMs = Date.now()
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [vite, 'build', page, '--logLevel', 'error'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  if (status === 0) return say(`Page built in ${((Date.now() - startMs) / 1000).toFixed(1)} s.`)
  // The bridge is worth more than its page: it starts all the same, with the page as it was.
  say(
    `The page could not be built${builtMs === 0 ? '' : '; the one from before is served'}.\n${stderr || stdout}`,
  )
}
