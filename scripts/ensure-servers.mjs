/**
 * Makes sure that the real servers and clients which the tests talk to are installed: by apt-get as root on Debian,
 * otherwise one line says what is missing, and the tests fail rather than skip.
 *
 * influxd and chromium start in seconds and need no service: the tests run them on ports and folders of their own.
 */

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Command, or file -> Debian packages. */
const NEEDED = {
  influxd: 'influxdb',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto: 'mosquitto',
  chromium: 'chromium',
  gcc: 'gcc libc6-dev',
  faketime: 'faketime',
  '/usr/lib/python3/dist-packages/paho': 'python3-paho-mqtt',
}
/** What only the long runs need: `--long`. */
const NEEDED_LONG = {
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  ip: 'iproute2',
}

const APT_ENV = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }

const missing = missingPackages()
if (missing.length > 0) install(missing)

function missingPackages() {
  const needed = process.argv.includes('--long') ? { ...NEEDED, ...NEEDED_LONG } : NEEDED
  return Object.entries(needed)
    .filter(([name]) => !(name.startsWith('/') ? existsSync(name) : isOnPath(name)))
    .flatMap(([, names]) => names.split(' '))
}

function isOnPath(command) {
  // Debian keeps daemons in /usr/sbin, which is not on everybody's path.
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return directories.some(directory => {
    try {
      accessSync(join(directory, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function install(packages) {
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !isOnPath('apt-get'))
    fail(`missing for the tests: ${packages.join(' ')} (on Debian: apt-get install ${packages.join(' ')})`)
  console.error(`installing for the tests: ${packages.join(' ')}`)
  apt('update', '-qq')
  // RUNLEVEL=1 in the environment: the packages must not start services of their own on the default ports.
  apt('install', '-y', '-qq', '--no-install-recommends', ...packages)
  const still = missingPackages()
  if (still.length > 0) fail(`still missing after apt-get install: ${still.join(' ')}`)
}

function apt(...args) {
  const { status } = spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...APT_ENV, RUNLEVEL: '1' },
  })
  if (status !== 0) fail(`apt-get ${args.join(' ')} failed`)
}

function fail(line) {
  console.error(line)
  process.exit(1)
}
