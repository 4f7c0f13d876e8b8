/**
 * Random histories of connecting, freezing, dropping and resuming, against what the protocol promises: every
 * reading is delivered once, counted as skipped, or covered by a gap; order is kept; the newest arrives.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Carrier, Connection } from './connection.ts'
import { EPOCH, Feed, turn } from './fixture.ts'
import type { LiveReading, ServerFrame } from './protocol.ts'
import { Relay } from './relay.ts'
import { HIGH_BYTES } from './subscription.ts'

const DEVICES = ['a', 'b', 'c']
const FIELDS = ['x', 'y']

type Step =
  | { readonly kind: 'offer'; readonly device: number; readonly fields: number; readonly count: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'freeze' | 'thaw' | 'drop' | 'resume'; readonly client: number }

interface Wish {
  readonly devices?: string[]
  readonly fields?: string[]
  readonly maxHz?: number
}

/** A byte that waits counts as so many, so that a short history reaches the high mark. */
const WEIGHT = 30

/** A client over nothing: it checks each frame as it comes, and can stop taking them. */
class Follower {
  readonly #relay: Relay
  readonly #feed: Feed
  readonly #wish: Wish
  #connection: Connection | null = null
  #isFrozen = false
  #held: ServerFrame[] = []
  #bytes = 0
  /** Everything up to here is accounted for. */
  #seq = 0
  #cursor: string | undefined
  #gapTo: number | null = null

  constructor(relay: Relay, feed: Feed, wish: Wish) {
    this.#relay = relay
    this.#feed = feed
    this.#wish = wish
  }

  error: unknown = null

  get isConnected(): boolean {
    return this.#connection !== null
  }

  get seq(): number {
    return this.#seq
  }

  connect(): void {
    const follower = this
    const carrier: Carrier = {
      send: frame => this.#receive(JSON.parse(frame.bytes.toString()), frame.bytes.length),
      get bufferedBytes() {
        return follower.#bytes * WEIGHT
      },
      close: () => undefined,
    }
    this.#connection = this.#relay.connect(carrier, {
      address: '127.0.0.1',
      principal: { name: 'x', role: 'viewer' },
    })
    this.#connection.receive(
      JSON.stringify({
        op: 'subscribe',
        id: 1,
        ...this.#wish,
        ...(this.#cursor ? { resume: this.#cursor } : {}),
      }),
    )
  }

  /** What it had not taken is lost with the connection. */
  drop(): void {
    this.#connection?.ended()
    this.#connection = null
    this.#held = []
    this.#bytes = 0
    this.#isFrozen = false
    this.#gapTo = null
  }

  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    this.#bytes = 0
    for (const frame of this.#held.splice(0)) this.#take(frame)
  }

  /** What is wrong is kept for the end: to throw here would be to throw at the relay. */
  #receive(frame: ServerFrame, bytes: number): void {
    try {
      this.#keep(frame, bytes)
    } catch (cause) {
      this.error ??= cause
    }
  }

  #keep(frame: ServerFrame, bytes: number): void {
    if (this.#isFrozen) {
      this.#held.push(frame)
      this.#bytes += bytes
      // The high mark, one frame, and a snapshot at the most.
      expect(this.#bytes * WEIGHT).toBeLessThan(HIGH_BYTES + 100_000 * WEIGHT)
    } else {
      this.#take(frame)
    }
  }

  #take(frame: ServerFrame): void {
    switch (frame.op) {
      case 'gap':
        expect(this.#gapTo).toBeNull()
        expect(frame.from).toBeGreaterThan(this.#seq)
        expect(this.#wanted(this.#seq, (frame.from ?? 0) - 1)).toEqual([])
        this.#gapTo = frame.to
        break
      case 'snapshot':
        // Of those the client did not have, all that were before it are covered: by a gap, or by its being new.
        if (this.#gapTo !== null) expect(frame.seq).toBe(this.#gapTo)
        this.#gapTo = null
        this.#checkSnapshot(frame.seq, frame.readings)
        this.#moveTo(frame.seq, frame.cursor)
        break
      case 'readings':
        expect(this.#gapTo).toBeNull()
        this.#checkReadings(frame.seq, frame.skipped, frame.readings)
        this.#moveTo(frame.seq, frame.cursor)
    }
  }

  #moveTo(seq: number, cursor: string): void {
    expect(seq).toBeGreaterThanOrEqual(this.#seq)
    this.#seq = seq
    this.#cursor = cursor
  }

  #wanted(after: number, upTo: number): { device: string; field: string; value: number }[] {
    const { devices = DEVICES, fields = FIELDS } = this.#wish
    return this.#feed.offered
      .slice(after, upTo)
      .filter(({ device }) => devices.includes(device))
      .flatMap(({ device, fields: all }) =>
        all
          .filter(({ name }) => fields.includes(name))
          .map(({ name, value }) => ({ device, field: name, value: value as number })),
      )
  }

  #checkReadings(seq: number, skipped: number, readings: readonly LiveReading[]): void {
    const wanted = this.#wanted(this.#seq, seq)
    const got = valuesOf(readings)
    expect(got.length + skipped).toBe(wanted.length)
    // A value is its reading's number: strictly rising means in order and without a duplicate.
    for (let i = 1; i < got.length; i++) expect(got[i]!.value).toBeGreaterThanOrEqual(got[i - 1]!.value)
    const keys = new Set(wanted.map(key))
    for (const one of got) expect(keys.delete(key(one))).toBe(true)
    expect(newestOf(got)).toEqual(newestOf(wanted))
  }

  #checkSnapshot(seq: number, readings: readonly LiveReading[]): void {
    expect(newestOf(valuesOf(readings))).toEqual(newestOf(this.#wanted(0, seq)))
  }
}

interface One {
  readonly device: string
  readonly field: string
  readonly value: number
}

const key = ({ device, field, value }: One) => `${device} ${field} ${value}`

function valuesOf(readings: readonly LiveReading[]): One[] {
  return readings.flatMap(({ device, values }) =>
    Object.entries(values).map(([field, value]) => ({ device, field, value: Math.floor(value as number) })),
  )
}

function newestOf(values: readonly One[]): Record<string, number> {
  const newest: Record<string, number> = {}
  for (const { device, field, value } of values) {
    newest[`${device} ${field}`] = Math.max(value, newest[`${device} ${field}`] ?? 0)
  }
  return newest
}

async function live(steps: readonly Step[], wishes: readonly Wish[]): Promise<void> {
  const feed = new Feed()
  const relay = new Relay({
    node: 'n',
    epoch: EPOCH,
    lastReadings: feed.lastReadings,
    ring: { entries: 400, maxBytes: 1e6 },
    pace: { tickMs: 2, immediatePerSecond: 3000 },
    limits: { maxSlowBytes: 40_000 },
  })
  const followers = wishes.map(wish => new Follower(relay, feed, wish))
  for (const follower of followers) follower.connect()
  let timeUs = 1_763_800_000_000_000
  for (const step of steps) {
    switch (step.kind) {
      case 'offer':
        for (let i = 0; i < step.count; i++) {
          const names = step.fields === 2 ? FIELDS : [FIELDS[step.fields]!]
          const values = Object.fromEntries(names.map(name => [name, feed.seq + 1]))
          relay.offer({ epoch: EPOCH, readings: [feed.reading(DEVICES[step.device]!, values, ++timeUs)] })
        }
        break
      case 'wait':
        if (step.ms === 0) await turn()
        else await new Promise(resolve => setTimeout(resolve, step.ms))
        break
      default: {
        const follower = followers[step.client % followers.length]!
        if (step.kind === 'resume') {
          if (!follower.isConnected) follower.connect()
        } else if (follower.isConnected) follower[step.kind]()
      }
    }
  }
  for (const follower of followers) {
    follower.thaw()
    if (!follower.isConnected) follower.connect()
  }
  relay.offer({ epoch: EPOCH, readings: [feed.reading('a', { x: feed.seq + 1, y: feed.seq + 1 }, ++timeUs)] })
  const deadline = performance.now() + 5000
  const failed = () => followers.find(({ error }) => error !== null)
  while (!failed() && followers.some(({ seq }) => seq < feed.seq)) {
    if (performance.now() > deadline)
      throw new Error(`stuck: ${followers.map(({ seq }) => seq)} of ${feed.seq}`)
    await turn()
  }
  await relay.close()
  const follower = failed()
  if (follower) throw follower.error
  for (const name of ['gaps', 'skipped', 'resumes', 'deliveries'] as const) reached[name] += relay.stats[name]
}

/** So that a quiet generator does not pass for a correct relay. */
const reached = { gaps: 0, skipped: 0, resumes: 0, deliveries: 0 }

const client = fc.nat({ max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('offer'),
      device: fc.nat({ max: 2 }),
      fields: fc.nat({ max: 2 }),
      count: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(0, 0, 1, 3, 25) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('freeze', 'thaw', 'drop', 'resume', 'resume'), client }),
  },
)

test('nothing twice, nothing missing in silence, everything in order', { timeout: 60_000 }, async () => {
  const wish: fc.Arbitrary<Wish> = fc.constantFrom<Wish>(
    {},
    {},
    { devices: ['a', 'b'] },
    { fields: ['y'] },
    { devices: ['a'], fields: ['x'] },
    { maxHz: 200 },
    { maxHz: 30, devices: ['a', 'c'] },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 100 }),
      fc.array(wish, { minLength: 1, maxLength: 5 }),
      live,
    ),
    { numRuns: 150, interruptAfterTimeLimit: 12_000 },
  )
  for (const count of Object.values(reached)) expect(count).toBeGreaterThan(100)
})
