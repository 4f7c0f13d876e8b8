/** The writer's thread: builds the store that was asked for and runs the writer until it is told to stop. */

import { parentPort, workerData } from 'node:worker_threads'
import { Quarantine } from '../quarantine/quarantine.ts'
import { Cursor } from '../spool/cursor.ts'
import type { SpoolTail } from '../spool/position.ts'
import { EmbeddedStore } from './embedded/embedded-store.ts'
import { createDatabase } from './influx/admin.ts'
import type { InfluxServer } from './influx/client.ts'
import { InfluxStore } from './influx/influx-store.ts'
import { InfluxRetention } from './influx/retention.ts'
import type { Store } from './store.ts'
import { Writer } from './writer.ts'
import type { FromWriter, ToWriter } from './writer-messages.ts'

export type StoreSetup =
  | {
      readonly kind: 'embedded'
      readonly directory: string
      readonly retention: { readonly rawMs: number; readonly minuteMs: number; readonly hourMs: number }
    }
  | ({
      readonly kind: 'influx'
      readonly timeoutMs: number
      /** Of the database's default policy; null: as it is. */
      readonly retentionMs: number | null
    } & InfluxServer)

/** Plain data: it crosses into the thread. */
export interface WriterSetup {
  readonly spoolDir: string
  readonly cursorPath: string
  readonly quarantine: {
    readonly path: string
    readonly maxBytes: number
    readonly maxBytesPerDevice: number
  }
  readonly store: StoreSetup
  readonly tail: SpoolTail
  readonly maxBackoffMs: number
}

function openStore(setup: StoreSetup): Store {
  if (setup.kind === 'embedded') return new EmbeddedStore(setup)
  return new InfluxStore({
    ...setup,
    async createDatabase() {
      await createDatabase(setup)
      retention?.again()
    },
  })
}

function openRetention({ store, maxBackoffMs }: WriterSetup): InfluxRetention | null {
  if (store.kind !== 'influx' || store.retentionMs === null) return null
  return new InfluxRetention({
    server: store,
    durationMs: store.retentionMs,
    maxBackoffMs,
    onState: reason => post({ kind: 'retention', reason }),
  })
}

const port = parentPort
if (port === null) throw new Error('BUG: writer-worker.ts runs as a worker thread only')
const setup = workerData as WriterSetup
const post = (message: FromWriter) => port.postMessage(message)
const retention = openRetention(setup)
const quarantine = new Quarantine(setup.quarantine)
const writer = new Writer({
  spoolDir: setup.spoolDir,
  store: openStore(setup.store),
  cursor: new Cursor(setup.cursorPath),
  quarantine,
  tail: setup.tail,
  maxBackoffMs: setup.maxBackoffMs,
  post,
})

port.on('message', (message: ToWriter) => {
  switch (message.kind) {
    case 'committed':
      writer.committed(message.commit)
      break
    case 'overflow':
      writer.overflow(message.block)
      break
    case 'feed':
      writer.feed(message.id, message.sinceMs)
      break
    case 'stop':
      writer.stop(message.withinMs)
      break
    case 'list':
      post({ kind: 'listed', id: message.id, entries: quarantine.list(message.limit, message.before) })
      break
    case 'list-from':
      post({ kind: 'listed', id: message.id, entries: quarantine.listFrom(message.after, message.limit) })
  }
})

await writer.run()
retention?.close()
post({ kind: 'stopped' })
