import type { Command } from 'commander'
import type { ReplayReport } from '../quarantine/replay.ts'
import { askBridge, type BridgeAddress, configOrExit, withAddress } from './surroundings.ts'

interface Listed {
  readonly entries: readonly {
    readonly id: number
    readonly time: number
    readonly topic: string
    readonly reason: string
    readonly by: string
    readonly payload?: string
    readonly payloadBase64?: string
  }[]
}

export function register(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .description('messages that were acknowledged and cannot be used')
  withAddress(quarantine.command('list'))
    .description('the newest, with the reason')
    .option('--limit <n>', 'how many', '50')
    .option('--json', 'one object a line')
    .action(list)
  withAddress(quarantine.command('replay'))
    .description('after a fix: every entry once more; what can be used now is stored and leaves')
    .action(async (address: BridgeAddress) => {
      const { settings } = configOrExit()
      const request = { method: 'POST', path: '/api/quarantine/replay' } as const
      const { replayed, ignored, kept } = await askBridge<ReplayReport>(settings, address, request)
      process.stderr.write(
        `${replayed} replayed, ${ignored} without a reading, ${kept} still cannot be used.\n`,
      )
    })
}

async function list({
  limit,
  json,
  ...address
}: BridgeAddress & { limit: string; json?: true }): Promise<void> {
  const { settings } = configOrExit()
  const path = `/api/quarantine?limit=${encodeURIComponent(limit)}`
  const { entries } = await askBridge<Listed>(settings, address, { method: 'GET', path })
  for (const entry of entries) {
    const { id, time, topic, by, reason, payload, payloadBase64 } = entry
    const text = `${id}  ${new Date(time).toISOString()}  ${topic}  ${by}: ${reason}\n    ${(payload ?? payloadBase64 ?? '').slice(0, 200)}`
    process.stdout.write(`${json ? JSON.stringify(entry) : text}\n`)
  }
}
