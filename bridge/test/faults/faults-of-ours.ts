/** A method of the bridge throws once, under load; whoever watches over the process starts it again if it ends. */

import { join } from 'node:path'
import { connect } from '../load.ts'
import { eventually } from '../trestle.ts'
import { Story, type StoryReport } from './story.ts'

/** File, class, method, which call: each stands where an error is handled in another way. */
export const PLACES = {
  decoding: 'bridge/catalog/catalog.ts Catalog accept 200',
  answers: 'bridge/command/answers.ts Answers offer 200',
  relay: 'bridge/live/relay.ts Relay offer 200',
  spool: 'bridge/spool/spool.ts Spool append 200',
  batch: 'bridge/spool/batch.ts Batch add 200',
  segment: 'bridge/spool/segment-writer.ts SegmentWriter write 20',
  reader: 'bridge/spool/reader.ts SpoolReader read 4',
  position: 'bridge/spool/cursor.ts Cursor save 2',
  store: 'bridge/store/embedded/embedded-store.ts EmbeddedStore write 2',
  sessions: 'broker/persistence/sqlite-persistence.ts SqlitePersistence prepare 200',
  outbound: 'broker/front/outbound.ts Outbound offer 2',
} as const

const PRELOAD = `--import=${join(import.meta.dirname, 'throw-once.ts')}`

export interface FaultReport extends StoryReport {
  readonly hasEnded: boolean
}

export async function throwIn(place: keyof typeof PLACES): Promise<FaultReport> {
  const story = await Story.begin({ NODE_OPTIONS: PRELOAD, THROW_IN: PLACES[place] })
  const { pid, mqtt, stderr } = story.trestle
  const subscriber = connect(mqtt, { clientId: 'subscriber' })
  try {
    await subscriber.subscribeAsync('home/#', { qos: 1 })
    const load = story.send({ connections: 3, readings: 1_000_000, window: 10 })
    await eventually(
      async () => stderr(),
      words => words.includes('thrown on purpose'),
      30_000,
    )
    await takesMessagesOrEnds()
    const hasEnded = !isAlive(pid)
    if (hasEnded) await story.start({ THROW_IN: '' })
    await takesMessagesOrEnds()
    return { ...(await story.check()), hasEnded }

    function takesMessagesOrEnds(): Promise<boolean> {
      const before = load.acked.size
      return eventually(
        async () => load.acked.size > before + 1000 || !isAlive(story.trestle.pid),
        isDecided => isDecided,
        30_000,
      )
    }
  } finally {
    subscriber.end(true)
    await story.end()
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
