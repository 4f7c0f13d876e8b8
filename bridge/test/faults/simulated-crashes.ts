/**
 * Spool, writer, cursor and quarantine on a simulated disk whose power is cut again and again, in the middle of any
 * operation. After each crash everything starts anew; now and then it drains, and then the invariant must hold:
 *
 *   acknowledged is a subset of stored + quarantined; what is stored was sent; the ledger balances and counts each once
 */

import { setImmediate as turn } from 'node:timers/promises'
import { type Random, seeded } from '../../../broker/seeded.ts'
import { balance } from '../../ledger.ts'
import { releasedEntry } from '../../quarantine/record.ts'
import type { Outcome } from '../../spool/batch.ts'
import { Cursor, lastKnownBlock } from '../../spool/cursor.ts'
import { SPOOL_OPTIONS } from '../../spool/fixture.ts'
import { Spool } from '../../spool/spool.ts'
import type { QuarantineKeeper } from '../../store/quarantine-filler.ts'
import type { Store } from '../../store/store.ts'
import { Writer } from '../../store/writer.ts'
import type { Progress } from '../../store/writer-messages.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const NODE_ID = '0123456789abcdef0123456789abcdef'

export interface CrashReport {
  readonly crashes: number
  readonly appended: number
  readonly acknowledged: number
  readonly drains: number
}

/** Throws at the first thing that is not as promised, with the seed that shows it again. */
export async function crashMany(crashes: number, seed: number): Promise<CrashReport> {
  const random = seeded(seed)
  const report = { crashes: 0, appended: 0, acknowledged: 0, drains: 0 }
  while (report.crashes < crashes) {
    const world = new World(seeded(Math.floor(random() * 2 ** 32)))
    try {
      for (let i = 0; i < 20 && report.crashes < crashes; i++, report.crashes++) await world.live()
      await world.drain()
    } catch (error) {
      throw new Error(`seed ${seed}, crash ${report.crashes}: ${(error as Error).message}`, { cause: error })
    }
    report.appended += world.sent.size
    report.acknowledged += world.acknowledged.size
    report.drains += world.drains
  }
  return report
}

/** One data directory with its store, over many lives of the process. */
class World {
  readonly #random: Random
  readonly #disk: SimulatedDisk
  readonly sent = new Set<string>()
  readonly acknowledged = new Set<string>()
  /** The store and the quarantine are databases of their own: what they took they have. */
  readonly #stored = new Set<string>()
  readonly #quarantine = new MemoryQuarantine()
  /** The store remembers positions, as the embedded one, or not, as InfluxDB. */
  readonly #keepsPosition: boolean
  #position = 0
  #next = 1
  drains = 0

  constructor(random: Random) {
    this.#random = random
    this.#disk = new SimulatedDisk(random)
    this.#keepsPosition = random() < 0.5
  }

  /** From a start to a crash. */
  async live(): Promise<void> {
    const life = this.#start()
    if (this.#random() < 0.3) await this.#check(life)
    this.#disk.crashAt = 1 + Math.floor(this.#random() * 60)
    const bursts = 1 + Math.floor(this.#random() * 12)
    for (let burst = 0; burst < bursts && !this.#disk.isOff; burst++) {
      for (let i = Math.floor(this.#random() * 6); i >= 0; i--) this.#append(life.spool)
      for (let turns = Math.floor(this.#random() * 6); turns > 0; turns--) await turn()
    }
    await this.#end(life)
    this.#disk.crash()
  }

  /** Everything that waits is delivered, and the account is looked at. */
  async drain(): Promise<void> {
    const life = this.#start()
    await this.#check(life)
    await this.#end(life)
  }

  #start(): Life {
    const files = this.#disk
    const spool: Spool = new Spool({
      ...SPOOL_OPTIONS,
      dir: 'spool',
      nodeId: NODE_ID,
      segmentBytes: 2048,
      holdMs: 0,
      keepBytes: this.#random() < 0.5 ? 0 : 1e6,
      lastKnownBlock: Math.max(lastKnownBlock('cursor', files), this.#quarantine.block),
      onCommit: commit => writer.committed(commit),
      files,
    })
    const life: { progress: Progress | null } = { progress: null }
    const writer = new Writer({
      spoolDir: 'spool',
      store: this.#store(),
      cursor: new Cursor('cursor', files),
      quarantine: this.#quarantine,
      tail: spool.tail,
      maxBackoffMs: 1,
      post(message) {
        if (message.kind !== 'progress') return
        life.progress = message.progress
        spool.release(message.progress.releasable)
      },
      files,
    })
    return { spool, writer, running: writer.run(), progress: () => life.progress }
  }

  #append(spool: Spool): void {
    const id = `m${this.#next++}`
    this.sent.add(id)
    const isQuarantined = this.#random() < 0.1
    const line = `${id} v="${'x'.repeat(Math.floor(this.#random() ** 4 * 3000))}" 1\n`
    const outcome: Outcome = isQuarantined
      ? { kind: 'quarantined', record: heldRecord(id) }
      : this.#random() < 0.1
        ? { kind: 'ignored', reason: 'command' }
        : { kind: 'message' }
    const hasLine = outcome.kind === 'message'
    spool
      .append({ lines: hasLine ? line : '', lineCount: Number(hasLine), outcome, key: null, awaited: true })
      .then(
        () => {
          if (outcome.kind !== 'ignored') this.acknowledged.add(id)
        },
        () => undefined,
      )
  }

  async #check({ spool, progress }: Life): Promise<void> {
    const account = () => balance(spool.totals, progress()!.cursor, 0)
    for (let turns = 0; account().waiting > 0; turns++) {
      if (turns > 10_000) throw new Error('it does not drain')
      await turn()
    }
    // The quarantine is filled beside.
    for (let turns = 0; account().quarantined !== this.#quarantine.ids.size && turns < 100; turns++)
      await turn()
    this.drains++
    const ledger = balance(spool.totals, progress()!.cursor, 0)
    const lost = [...this.acknowledged].filter(id => !this.#stored.has(id) && !this.#quarantine.ids.has(id))
    if (lost.length > 0)
      throw new Error(`acknowledged and lost: ${lost.slice(0, 5).join(' ')} of ${lost.length}`)
    const made = [...this.#stored, ...this.#quarantine.ids].filter(id => !this.sent.has(id))
    if (made.length > 0) throw new Error(`stored and never sent: ${made.join(' ')}`)
    if (!ledger.balanced) throw new Error(`the ledger does not balance: ${JSON.stringify(ledger)}`)
    if (ledger.stored !== this.#stored.size || ledger.quarantined !== this.#quarantine.ids.size) {
      const { stored, quarantined, dropped } = ledger
      throw new Error(
        `the ledger says ${stored} stored, ${quarantined} quarantined, ${JSON.stringify(dropped)}; ` +
          `there are ${this.#stored.size} and ${this.#quarantine.ids.size}`,
      )
    }
  }

  async #end({ spool, writer, running }: Life): Promise<void> {
    writer.stop(0)
    await running.catch(error => {
      if (!this.#disk.isOff) throw error
    })
    await spool.close().catch(() => undefined)
  }

  #store(): Store {
    return {
      maxLines: 1 + Math.floor(this.#random() * 20),
      lingerMs: 0,
      write: async ({ lines, position }) => {
        // A store of its own machine: it lives on when our power is cut, but hears nothing more from us.
        if (this.#disk.isOff) return { kind: 'retry', reason: 'off' }
        const texts = Buffer.concat(lines).toString().split('\n').slice(0, -1)
        for (const text of texts) this.#stored.add(text.slice(0, text.indexOf(' ')))
        if (position !== null) this.#position = position.block
        return { kind: 'written' }
      },
      position: () => (this.#keepsPosition ? { block: this.#position } : null),
      close: async () => undefined,
    }
  }
}

interface Life {
  readonly spool: Spool
  readonly writer: Writer
  readonly running: Promise<void>
  readonly progress: () => Progress | null
}

function heldRecord(id: string): Buffer {
  const text = Buffer.from(JSON.stringify({ topic: id }))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text])
}

class MemoryQuarantine implements QuarantineKeeper {
  readonly ids = new Set<string>()
  readonly evicted = 0
  block = 0

  addBlock(block: number, held: readonly Uint8Array[]): void {
    if (block <= this.block) return
    this.block = block
    for (const bytes of held) {
      if (releasedEntry(Buffer.from(bytes)) !== null) continue
      const { topic } = JSON.parse(Buffer.from(bytes).toString('utf8', 4)) as { topic: string }
      if (this.ids.has(topic)) throw new Error(`BUG: ${topic} is in the quarantine twice`)
      this.ids.add(topic)
    }
  }

  addRefused(): void {
    throw new Error('BUG: this store refuses nothing')
  }

  markThrough(block: number): void {
    this.block = Math.max(this.block, block)
  }

  refusedBehind(): number {
    return 0
  }

  close(): void {
    // Nothing to close.
  }
}
