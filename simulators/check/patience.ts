/** How long a check waits for what is on its way: as long as something moves, and then some. */

import { sleep } from '../sleep.ts'
import type { Api } from './api.ts'

const LOOK_MS = 20
const LEDGER_MS = 100

export class Patience {
  readonly #patienceMs: number
  #last: number | undefined
  #movedMs = performance.now()

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** Whether this number has stood still for too long. */
  isOver(progress: number): boolean {
    if (progress !== this.#last) this.#movedMs = performance.now()
    this.#last = progress
    return performance.now() - this.#movedMs >= this.#patienceMs
  }
}

/** Resolves when it is done, or when `progress` has stood still for `patienceMs`. */
export async function untilStill(
  isDone: () => boolean,
  progress: () => number | Promise<number>,
  patienceMs: number,
): Promise<void> {
  const patience = new Patience(patienceMs)
  for (let at = await progress(); !isDone() && !patience.isOver(at); at = await progress())
    await sleep(LOOK_MS)
}

/** Resolves when nothing waits for the store any more, or what waits does not move. */
export async function untilDrained(api: Api, patienceMs: number): Promise<void> {
  let waiting = Infinity
  await untilStill(
    () => waiting === 0,
    async () => {
      await sleep(LEDGER_MS)
      waiting = (await api.ledger()).waiting
      return waiting
    },
    patienceMs,
  )
}

/** Rejects with the message when it takes longer. */
export async function withDeadline(
  promise: Promise<void>,
  timeoutMs: number,
  message: string,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), timeoutMs)
  })
  await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
