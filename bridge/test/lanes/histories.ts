/**
 * Random histories of who may do what: clients with clean and lasting sessions come, go, subscribe to what they may and
 * may not, publish, leave retained messages behind, and their rights change meanwhile. An oracle of its own tells for
 * each message that arrives whether it may: by regular expressions, and by the rights as they were noticed last.
 */

import type { Access } from '../../../broker/access.ts'
import { startBroker, type TestBroker } from '../../../broker/fixture.ts'
import { newDirectory } from '../../../broker/persistence/fixture.ts'
import { seeded } from '../../../broker/seeded.ts'
import { deviceAccess } from '../../identity/permissions.ts'
import { LaneClient } from './client.ts'

export interface Report {
  readonly histories: number
  readonly operations: number
  readonly delivered: number
  readonly denied: number
  readonly changes: number
  /** What came, and to whom it should not have. */
  readonly leaks: readonly string[]
}

const IDS = ['d1', 'd2', 'd3'] as const
type Id = (typeof IDS)[number]

const LEVELS = ['d1', 'd2', 'd3', 'x', 'y'] as const
const EXTRAS = ['x/#', '+/y', 'x/+/{id}', 'y/d1/#', '+/+/x', 'x', '{id}/+'] as const
const USUAL = ['{id}/#', '+/{id}', '+/{id}/#', '+/+/{id}', '+/+/{id}/#'] as const
const OPERATIONS = 20

interface Member {
  readonly id: Id
  readonly clean: boolean
  readonly version: 4 | 5
  client: LaneClient | null
}

interface House {
  readonly broker: TestBroker
  readonly rights: Map<string, { allow: readonly string[]; access: Access }>
  readonly hub: LaneClient
}

export async function runHistories(count: number, seed: number): Promise<Report> {
  const directory = newDirectory()
  const rights: House['rights'] = new Map()
  const accessOf = (identity: string | null) =>
    identity === null ? null : (rights.get(identity)?.access ?? null)
  const broker = await startBroker({
    directory: directory.path,
    limits: { connectsPerSecond: 1_000_000, packetsPerSecond: 1_000_000 },
    accessOf,
    authenticate: async ({ username }) => {
      const access = accessOf(username)
      return access === null ? { ok: false, reason: 'bad-credentials' } : { ok: true, access }
    },
  })
  grant(rights, 'hub', [], true)
  const hub = (await LaneClient.connect({
    port: broker.port,
    id: 'hub',
    clean: true,
    version: 4,
    onMessage: () => undefined,
  }))!
  const totals = { operations: 0, delivered: 0, denied: 0, changes: 0, leaks: [] as string[] }
  try {
    for (let i = 0; i < count; i++)
      await runHistory(
        { broker, rights, hub },
        seeded(Math.imul(seed + i, 0x9e37_79b1) >>> 0),
        `seed ${seed + i}`,
        totals,
      )
  } finally {
    await hub.end(true)
    await broker.close()
    directory.remove()
  }
  return { histories: count, ...totals }
}

type Totals = { operations: number; delivered: number; denied: number; changes: number; leaks: string[] }

async function runHistory(house: House, random: () => number, name: string, totals: Totals): Promise<void> {
  const { broker, rights, hub } = house
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  for (const id of IDS) grant(rights, id, someExtras(), false)
  const said: string[] = []
  const members = IDS.map(
    (id): Member => ({ id, clean: random() < 0.4, version: random() < 0.6 ? 4 : 5, client: null }),
  )
  let marks = 0
  const marked = new Map<Id, Set<string>>(IDS.map(id => [id, new Set()]))

  for (const member of members) if (random() < 0.7) await come(member)
  for (let i = 0; i < OPERATIONS; i++) {
    totals.operations++
    await operate(pick(members))
  }
  // Everybody comes back once, for what was kept for them.
  for (const member of members) await come(member)
  await settle()
  for (const member of members) {
    // The next history begins with nothing.
    await member.client?.end(true)
    await (
      await LaneClient.connect({
        port: broker.port,
        id: member.id,
        clean: true,
        version: 4,
        onMessage: () => undefined,
      })
    )?.end(true)
  }
  for (const topic of retained) await hub.publish(topic, '', true)
  retained.clear()

  async function operate(member: Member): Promise<void> {
    const dice = random()
    if (dice < 0.15) await come(member)
    else if (dice < 0.23) await leave(member)
    else if (dice < 0.5) await subscribe(member)
    else if (dice < 0.53) await member.client?.unsubscribe(someFilter())
    else if (dice < 0.93) await publish(random() < 0.8 ? null : member)
    else await changeRights(member)
  }

  async function come(member: Member): Promise<void> {
    const { id, clean, version } = member
    if (member.client?.isOpen) return
    member.client = await LaneClient.connect({
      port: broker.port,
      id,
      clean,
      version,
      onMessage: packet => hear(member, packet.topic, String(packet.payload)),
    })
    said.push(`${id} comes${clean ? ', clean' : ''}`)
    // By this it is told when everything before has come.
    await member.client?.subscribe([`mark/${id}`], 1)
    if (random() < 0.6) await member.client?.subscribe([pick(USUAL).replace('{id}', id)], 1)
    await settle()
  }

  async function leave({ id, client }: Member): Promise<void> {
    said.push(`${id} leaves`)
    await client?.end(random() < 0.5)
  }

  async function subscribe({ id, client }: Member): Promise<void> {
    const filters = Array.from({ length: 1 + Math.floor(random() * 4) }, someFilter)
    const granted = await client?.subscribe(filters, pick([0, 1, 2] as const))
    if (granted === null || granted === undefined) return
    totals.denied += granted.filter(isGranted => !isGranted).length
    said.push(
      `${id} subscribes ${filters.map((filter, i) => (granted[i] ? filter : `(${filter})`)).join(' ')}`,
    )
    await settle()
  }

  /** `null`: the hub does, to anywhere. */
  async function publish(member: Member | null): Promise<void> {
    const topic = someTopic()
    const retain = random() < 0.3
    if (member === null) await hub.publish(topic, 'm', retain)
    else if (member.client?.isOpen) await member.client.publish(topic, 'm', retain)
    if (retain) retained.add(topic)
    said.push(`${member?.id ?? 'hub'} publishes ${topic}`)
    await settle()
  }

  async function changeRights({ id }: Member): Promise<void> {
    // Retained messages come beside the others.
    await settle()
    await settle()
    totals.changes++
    grant(rights, id, someExtras(), false)
    await broker.broker.review()
    said.push(`${id} may also ${rights.get(id)!.allow.join(' ') || 'nothing'}`)
  }

  function hear({ id }: Member, topic: string, payload: string): void {
    if (topic === `mark/${id}`) {
      marked.get(id)!.add(payload)
      return
    }
    totals.delivered++
    if (!mayRead(id, rights.get(id)!.allow, topic))
      totals.leaks.push(`${name}: ${id} heard ${topic} after ${said.join('; ')}`)
  }

  /** Whoever is there has heard what was sent until now, also what it was sent for a subscription. */
  async function settle(): Promise<void> {
    const mark = String(++marks)
    await Promise.all(
      members.map(async ({ id, client }) => {
        if (!client?.isOpen) return
        await hub.publish(`mark/${id}`, mark, false)
        while (client.isOpen && !marked.get(id)!.has(mark))
          await new Promise(resolve => setImmediate(resolve))
      }),
    )
  }

  function someExtras(): string[] {
    return EXTRAS.filter(() => random() < 0.3)
  }

  /** Mostly one that is somebody's. */
  function someTopic(): string {
    if (random() < 0.15)
      return Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(LEVELS)).join('/')
    const before = pick([[], ['x'], ['x', 'y']])
    return [...before, pick(IDS), ...pick([[], ['x']])].join('/')
  }

  /** Somebody's, or wider, or narrower. */
  function someFilter(): string {
    const levels = someTopic()
      .split('/')
      .map(level => (random() < 0.25 ? '+' : level))
    if (random() < 0.4) levels.splice(Math.floor(random() * levels.length) + 1, 9, '#')
    return levels.join('/')
  }
}

const retained = new Set<string>()

function grant(rights: House['rights'], id: string, allow: readonly string[], isGateway: boolean): void {
  // As somebody who owns its id: what others may not, other tests tell.
  const owner = { identity: id, mayUse: (clientId: string) => clientId === id }
  rights.set(id, { allow, access: deviceAccess(id, { isGateway, allow: [...allow, `mark/${id}`] }, owner) })
}

/** Unlike the code: by regular expressions, each time anew. */
function mayRead(id: string, allow: readonly string[], topic: string): boolean {
  return [...USUAL, ...allow].some(pattern => {
    const levels = pattern.replaceAll('{id}', id).split('/')
    const body = levels.map((level, i) => {
      const slash = i === 0 ? '' : '/'
      if (level === '#') return '(/.*)?'
      return slash + (level === '+' ? '[^/]*' : level)
    })
    return new RegExp(`^${body.join('')}$`).test(topic)
  })
}
