import { statfsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Settings } from '../config/schema.ts'
import type { Readiness } from '../http/app.ts'
import { balance, type Ledger } from '../ledger.ts'
import { Quarantine } from '../quarantine/quarantine.ts'
import { Cursor, lastKnownBlock } from '../spool/cursor.ts'
import { recover } from '../spool/recovery.ts'
import { listSegments, scanSegment, segmentPath } from '../spool/segment.ts'
import { checkFiles } from '../tls/check-files.ts'
import { type Finding, lineOf, verdict } from '../tls/findings.ts'
import { tlsPaths } from '../tls/served-certificate.ts'
import { registerDoctorTls } from './doctor-tls.ts'
import {
  askBridge,
  type BridgeAddress,
  configOrExit,
  takeDataDirectory,
  withAddress,
} from './surroundings.ts'

const MIN_FREE_BYTES = 256 * 1024 ** 2

export function register(program: Command): void {
  const doctor = withAddress(program.command('doctor'))
    .description('look at settings, disk, spool and account, with or without the bridge running')
    .action(async (address: BridgeAddress) => {
      const problems = await examine(address)
      process.stdout.write(verdict(problems))
      process.exitCode = problems === 0 ? 0 : 1
    })
  registerDoctorTls(doctor)
}

async function examine(address: BridgeAddress): Promise<number> {
  let problems = 0
  const say = (isWell: boolean, what: string) => {
    if (!isWell) problems++
    process.stdout.write(lineOf(isWell, what))
  }
  const { settings, file, warnings } = configOrExit()
  say(
    warnings.length === 0,
    `settings: ${[file ?? 'no file; the environment and the defaults', ...warnings].join('; ')}`,
  )
  for (const { isWell, subject, text } of tlsFindings(settings)) say(isWell, `tls: ${subject}: ${text}`)
  const data = takeDataDirectory(settings)
  const { bavail, bsize } = statfsSync(settings.dataDir)
  const freeMiB = Math.floor((bavail * bsize) / 1024 ** 2)
  say(bavail * bsize > MIN_FREE_BYTES, `disk: ${freeMiB} MiB free for ${settings.dataDir}`)
  if (data === null) {
    const { ready, reason, store } = await askBridge<Readiness>(settings, address, {
      method: 'GET',
      path: '/readyz',
    })
    say(ready, `the bridge runs and ${ready ? 'takes messages' : `does not take messages: ${reason}`}`)
    say(
      store.ok,
      `store: ${store.ok ? 'takes readings' : `${store.kind}${store.reason ? `: ${store.reason}` : ''}`}`,
    )
    sayLedger(await askBridge<Ledger>(settings, address, { method: 'GET', path: '/api/ledger' }), say)
    return problems
  }
  say(true, 'the bridge does not run: its files are looked at')
  let damagedBytes = 0
  for (const first of listSegments(data.spool))
    damagedBytes += scanSegment(segmentPath(data.spool, first)).damagedBytes
  say(damagedBytes === 0, `spool: ${listSegments(data.spool).length} segments, ${damagedBytes} damaged bytes`)
  const { totals } = recover(data.spool, { warn: () => undefined, error: () => undefined })
  const cursor = new Cursor(data.cursor)
  const { maxBytes, maxBytesPerDevice } = settings.quarantine
  const quarantine = new Quarantine({ path: data.quarantine, maxBytes, maxBytesPerDevice })
  say(true, `position: block ${lastKnownBlock(data.cursor)}; quarantine: ${quarantine.count()} entries`)
  sayLedger(balance(totals, cursor.state, quarantine.evicted), say)
  quarantine.close()
  cursor.close()
  data.close()
  return problems
}

function tlsFindings(settings: Settings): readonly Finding[] {
  const paths = tlsPaths(settings)
  return paths === null ? [] : checkFiles(paths).findings
}

function sayLedger(ledger: Ledger, say: (isWell: boolean, what: string) => void): void {
  const { received, stored, waiting, quarantined, balanced, ignored, dropped } = ledger
  const [ignoredSum, droppedSum] = [ignored, dropped].map(sum)
  say(
    balanced,
    `account: ${received} received = ${stored} stored + ${waiting} waiting + ${quarantined} quarantined + ${ignoredSum} ignored + ${droppedSum} dropped`,
  )
  const { forbidden = 0, ...rest } = dropped
  const lost = Object.entries(rest).map(([reason, count]) => `${reason} ${count}`)
  const refused = forbidden === 0 ? '' : `; ${forbidden} refused to their senders`
  say(lost.length === 0, `losses: ${lost.join(', ') || 'none'}${refused}`)
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
