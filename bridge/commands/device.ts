/** `trestle device`: who may publish, and by which secret. */

import type { Command } from 'commander'
import type { HiddenDevice } from '../catalog/device.ts'
import { isLocalHost } from '../config/config.ts'
import type { Forgotten } from '../forget-device.ts'
import { isWordOfTopics } from '../identity/names.ts'
import { patternMistake } from '../identity/permissions.ts'
import { generateSecret, hashSecret } from '../identity/secrets.ts'
import type { DeviceRow, IdentityStore } from '../identity/store.ts'
import { welcome, welcomeByCertificate } from './device-welcome.ts'
import { checkName, dayOf, table, withIdentities } from './identity-store.ts'
import { brokerPlace } from './place.ts'
import {
  askBridge,
  askBridgeFor,
  type BridgeAddress,
  configOrExit,
  fail,
  withAddress,
} from './surroundings.ts'

interface AddFlags {
  readonly gateway?: boolean
  readonly allow: string[]
  readonly certificate?: boolean
  readonly json?: boolean
}

interface SetFlags {
  readonly gateway?: boolean
  readonly allow?: string[] | false
  readonly json?: boolean
}

export function register(program: Command): void {
  const device = program.command('device').description('devices that may publish, each with its own secret')
  device
    .command('add')
    .description('make one; its secret is shown once')
    .argument('<id>', 'its name, which is its user name and part of its topics')
    .option('--gateway', 'it speaks for others: every topic but $... and trestle/...')
    .option(
      '--allow <filter>',
      'a topic pattern beside the usual ones, such as zigbee2mqtt/{id}/#',
      collect,
      [],
    )
    .option('--certificate', 'it shows a certificate (trestle tls device <id>), and has no secret')
    .option('--json', 'print {id, username, password, ...} and nothing else')
    .action(add)
  device
    .command('list')
    .description('all of them')
    .option('--json', 'as one JSON array')
    .action((flags: { json?: boolean }) => withIdentities(store => list(store, flags)))
  device
    .command('set')
    .description('change what it may do; its secret stays, its connection is closed and comes back')
    .argument('<id>')
    .option('--gateway', 'it speaks for others: every topic but $... and trestle/...')
    .option('--no-gateway', 'it speaks for itself')
    .option('--allow <filter>', 'in place of all that were added so far; give it again for more', collect)
    .option('--no-allow', 'nothing beside the usual topics')
    .option('--json', 'print {id, gateway, allow} and nothing else')
    .action(set)
  device
    .command('rotate')
    .description('give it a new secret; the old one ends at once')
    .argument('<id>')
    .option('--json', 'print {id, username, password, ...} and nothing else')
    .action(rotate)
  device
    .command('revoke')
    .description('it is known no more: its connection, session, will and retained messages go')
    .argument('<id>')
    .action(revoke)
  withAddress(device.command('forget'))
    .description('it is gone for good: no list shows it, and it takes no room; what is stored of it stays')
    .argument('<id>', 'as the page and /api/devices have it, or what it is called now')
    .option('--hidden', 'the one of that id that trestle device hidden shows, whatever else is called so')
    .action(forget)
  withAddress(device.command('hidden'))
    .description('those that take a place (limits.devices) and are in no list; forget takes them out')
    .option('--json', 'as one JSON array')
    .action(listHidden)
}

/** `before` is no list where nothing was given, or the opposite. */
function collect(value: string, before: unknown): string[] {
  return [...(Array.isArray(before) ? (before as string[]) : []), value]
}

function checkPatterns(allow: readonly string[]): void {
  for (const pattern of allow) {
    const mistake = patternMistake(pattern)
    if (mistake !== null) fail(`--allow ${pattern}: ${mistake}`)
  }
}

async function add(
  id: string,
  { gateway = false, allow, certificate = false, json = false }: AddFlags,
): Promise<void> {
  checkName('device', id)
  checkPatterns(allow)
  const password = certificate ? null : generateSecret()
  const secret = password === null ? null : await hashSecret(password, 'generated')
  await withIdentities((store, settings) => {
    const isFirst = store.read().devices.length === 0
    if (!store.addDevice({ id, secret, gateway, allow }))
      fail(
        `there is a device or a user called ${id} already; trestle device rotate ${id} gives it a new secret`,
      )
    const place = brokerPlace(settings)
    if (json) print({ id, username: id, password, gateway, allow, ...place })
    else if (password === null) process.stdout.write(welcomeByCertificate(id, place))
    else process.stdout.write(welcome({ id, password }, place))
    if (!gateway && isWordOfTopics(id))
      process.stderr.write(
        `Many topics have a level called ${id}, and this device may read and write all of those: better revoke it, and give it a name of its own.\n`,
      )
    if (isFirst && isLocalHost(settings.host) && !settings.allowAnonymous)
      process.stderr.write('From now on MQTT asks for credentials: what connects without them is closed.\n')
  })
}

function list(store: IdentityStore, { json = false }: { json?: boolean }): void {
  const { devices } = store.read()
  if (json) {
    print(
      devices.map(({ id, gateway, allow, secret, createdMs }) => ({
        id,
        gateway,
        certificate: secret === null,
        allow,
        created: new Date(createdMs).toISOString(),
      })),
    )
  } else if (devices.length === 0) {
    process.stderr.write('There is no device yet: trestle device add <id> makes one.\n')
  } else {
    process.stdout.write(table([HEAD, ...devices.map(row)]))
  }
}

const HEAD = ['id', 'kind', 'since', 'also']

function row({ id, gateway, secret, allow, createdMs }: DeviceRow): string[] {
  const kind = `${gateway ? 'gateway' : 'device'}${secret === null ? ', by certificate' : ''}`
  return [id, kind, dayOf(createdMs), allow.join(' ')]
}

async function set(id: string, { gateway, allow: given, json = false }: SetFlags): Promise<void> {
  const allow = given === false ? [] : given
  if (gateway === undefined && allow === undefined)
    fail('say what is to change: --gateway, --no-gateway, --allow <filter> or --no-allow')
  checkPatterns(allow ?? [])
  await withIdentities(store => {
    if (!store.changeDevice(id, { gateway, allow })) noSuch(id)
    const changed = store.read().devices.find(device => device.id === id)!
    if (json) print({ id, gateway: changed.gateway, allow: changed.allow })
    else process.stdout.write(table([HEAD, row(changed)]))
  })
}

async function rotate(id: string, { json = false }: { json?: boolean }): Promise<void> {
  const password = generateSecret()
  const secret = await hashSecret(password, 'generated')
  await withIdentities((store, settings) => {
    const known = store.read().devices.find(device => device.id === id)
    if (known === undefined) return noSuch(id)
    const isByCertificate = known.secret === null
    store.rotateDevice(id, isByCertificate ? null : secret)
    const place = brokerPlace(settings)
    if (json) print({ id, username: id, password: isByCertificate ? null : password, ...place })
    else if (isByCertificate) process.stdout.write(welcomeByCertificate(id, place))
    else process.stdout.write(welcome({ id, password }, place))
  })
}

function revoke(id: string): Promise<void> {
  return withIdentities(store => {
    if (!store.revokeDevice(id)) noSuch(id)
    const left = store.read().devices.length
    process.stderr.write(`${id} is known no more. A running bridge closes its connection within seconds.\n`)
    if (left === 0)
      process.stderr.write('That was the last device: on loopback, MQTT is open to everybody again.\n')
  })
}

/** Of the catalog, which the running bridge has; identities are another matter. */
async function forget(
  id: string,
  { hidden = false, ...address }: BridgeAddress & { hidden?: boolean },
): Promise<void> {
  const { settings } = configOrExit()
  const pathOf = (device: string) => `/api/devices/${encodeURIComponent(device)}`
  // Whoever asks may know it by what it is called now. What is in no list has its id alone.
  const known = hidden
    ? null
    : await askBridgeFor<{ id: string }>(settings, address, { method: 'GET', path: pathOf(id) })
  const request = { method: 'DELETE', path: pathOf(known?.id ?? id) } as const
  const gone = await askBridge<Forgotten>(settings, address, request)
  process.stderr.write(
    `${gone.id} is forgotten. If it speaks again it is back, as a new one; trestle device revoke keeps a device out.\n`,
  )
  for (const topic of gone.retainedLeft)
    process.stderr.write(`A retained message may be left on ${JSON.stringify(topic)}.\n`)
}

async function listHidden({ json = false, ...address }: BridgeAddress & { json?: boolean }): Promise<void> {
  const { settings } = configOrExit()
  const request = { method: 'GET', path: '/api/devices?hidden=true' } as const
  const { devices, complete } = await askBridge<HiddenList>(settings, address, request)
  if (!complete)
    process.stderr.write('The store has not told yet what it has: some of these are only waiting for it.\n')
  if (json) print(devices)
  else if (devices.length === 0) process.stderr.write('There is none: every device is in the list.\n')
  else process.stdout.write(table([['id', 'name', 'why', 'heard on'], ...devices.map(hiddenRow)]))
}

interface HiddenList {
  readonly devices: readonly HiddenDevice[]
  readonly complete: boolean
}

function hiddenRow({ id, name, hidden, topics }: HiddenDevice): string[] {
  return [id, name, hidden, topics.join(' ')]
}

function noSuch(id: string): never {
  return fail(`there is no device called ${id}; trestle device list shows them`)
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
