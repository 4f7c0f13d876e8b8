import { once } from 'node:events'
import { join } from 'node:path'
import type { Command } from 'commander'
import { lastQuarantinedBlock, Quarantine } from '../quarantine/quarantine.ts'
import { Cursor } from '../spool/cursor.ts'
import { listSegments, scanSegment, segmentPath } from '../spool/segment.ts'
import { placeAt, rewind } from '../store/places.ts'
import {
  askBridge,
  type BridgeAddress,
  configOrExit,
  parseTimeMs,
  takeDataDirectory,
  withAddress,
} from './surroundings.ts'

export function register(program: Command): void {
  const spool = program.command('spool').description('what was accepted and is kept on this disk')
  spool
    .command('export')
    .description(
      'write the kept readings as line protocol, also while the bridge runs: influx -import -precision ns',
    )
    .option('--since <time>', 'arrival: RFC 3339, or 2h for two hours ago', '1970-01-01T00:00:00Z')
    .action(({ since }: { since: string }) => exportLines(parseTimeMs(since)))
  withAddress(spool.command('replay'))
    .description(
      'feed the store again, after it was restored from a backup; the running bridge does it at once',
    )
    .requiredOption('--since <time>', 'arrival: RFC 3339, or 2h for two hours ago')
    .action(replay)
}

async function exportLines(sinceMs: number): Promise<void> {
  const { settings } = configOrExit()
  const dir = join(settings.dataDir, 'spool')
  process.stdout.write(`# DML\n# CONTEXT-DATABASE: ${settings.influx.database}\n`)
  for (const first of listSegments(dir)) {
    for (const { header, lines } of scanSegment(segmentPath(dir, first)).blocks) {
      if (header.arrivalMs < sinceMs || lines.length === 0) continue
      if (!process.stdout.write(lines)) await once(process.stdout, 'drain')
    }
  }
}

async function replay({ since, ...address }: BridgeAddress & { since: string }): Promise<void> {
  const { settings } = configOrExit()
  const sinceMs = parseTimeMs(since)
  const data = takeDataDirectory(settings)
  if (data === null) {
    const request = { method: 'POST', path: '/api/spool/replay', body: { since: sinceMs } } as const
    const { messages } = await askBridge<{ messages: number }>(settings, address, request)
    process.stderr.write(`The store is fed again: ${messages} messages wait once more.\n`)
    return
  }
  const cursor = new Cursor(data.cursor)
  const place = placeAt(data.spool, sinceMs)
  if (place !== null && place.block < cursor.state.block) {
    const quarantine = lastQuarantinedBlock(data.quarantine) > 0 ? openQuarantine(data.quarantine) : null
    const refusedBehind = (block: number) => quarantine?.refusedBehind(block) ?? 0
    const { messages } = cursor.state
    cursor.save(rewind(place, { saved: cursor.state, refusedBehind }))
    quarantine?.close()
    process.stderr.write(
      `${messages - place.messages} messages wait once more; the next start feeds the store.\n`,
    )
  } else {
    process.stderr.write('Nothing that is kept arrived since then and was delivered.\n')
  }
  cursor.close()
  data.close()
}

function openQuarantine(path: string): Quarantine {
  return new Quarantine({
    path,
    maxBytes: Number.MAX_SAFE_INTEGER,
    maxBytesPerDevice: Number.MAX_SAFE_INTEGER,
  })
}
