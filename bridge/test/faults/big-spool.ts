/** A spool of many bytes, as an outage leaves it, made without devices. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SPOOL_OPTIONS } from '../../spool/fixture.ts'
import { Spool } from '../../spool/spool.ts'
import { LOAD_BASE_MS } from '../load.ts'

const MESSAGES_PER_BLOCK = 5000

/** In `dataDir`, which must be new. Returns the messages in it. */
export async function makeBigSpool(dataDir: string, bytes: number): Promise<number> {
  const nodeId = randomBytes(16).toString('hex')
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(join(dataDir, 'format.json'), JSON.stringify({ version: 1, nodeId }))
  const spool = new Spool({
    ...SPOOL_OPTIONS,
    dir: join(dataDir, 'spool'),
    nodeId,
    maxBytes: bytes * 2,
  })
  let messages = 0
  while (spool.waitingBytes < bytes) {
    const appended: Promise<void>[] = []
    for (let i = 0; i < MESSAGES_PER_BLOCK; i++, messages++) {
      const timeMs = LOAD_BASE_MS + Math.floor(messages / 100)
      const lines = `reading,device=device-${messages % 100},room=hall,topic=home/hall/device-${messages % 100}/state seq=${messages},temperature=21.5,humidity=40 ${timeMs}000000\n`
      appended.push(
        spool.append({ lines, lineCount: 1, outcome: { kind: 'message' }, key: messages + 1, awaited: true }),
      )
    }
    await Promise.all(appended)
  }
  await spool.close()
  return messages
}
