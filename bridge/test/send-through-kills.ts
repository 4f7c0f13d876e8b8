/** Commands under load, while the bridge is killed and started again. */

import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './trestle.ts'

/** Not acknowledged yet, at a time. */
const WINDOW = 20

export interface KillsUnderLoad {
  readonly kills: number
  /** Publishes the text of a number; resolves when it is acknowledged. */
  readonly send: (command: string) => Promise<unknown>
  readonly killAndRestart: () => Promise<void>
}

/** Returns how many commands were sent, 0 and up: each was acknowledged. */
export async function sendThroughKills({ kills, send, killAndRestart }: KillsUnderLoad): Promise<number> {
  const inFlight = new Set<Promise<void>>()
  let acked = 0
  let next = 0
  let isDone = false
  const sendNext = (): void => {
    if (isDone) return
    const sent = send(String(next++))
      .then(() => void acked++)
      .finally(() => inFlight.delete(sent))
    inFlight.add(sent)
    void sent.then(sendNext)
  }
  for (let i = 0; i < WINDOW; i++) sendNext()
  for (let kill = 0; kill < kills; kill++) {
    const before = acked
    await eventually(
      async () => acked,
      count => count > before + 50,
    )
    await sleep(Math.random() * 200)
    await killAndRestart()
  }
  isDone = true
  await eventually(
    async () => inFlight.size,
    size => size === 0,
  )
  return next
}
