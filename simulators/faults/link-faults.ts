/** What goes wrong with connections, while a run lasts. */

import type { Api } from '../check/api.ts'
import type { Random } from '../random.ts'
import type { Target } from '../target.ts'
import { freezeDashboard, freezeSubscriber } from './frozen.ts'
import type { FaultPlan } from './plan.ts'

/** A fleet, or the stations of a home. */
export interface Cuttable {
  readonly links: number
  /** As a network does: without a word. */
  cut(link: number): void
}

export interface LinkFaults {
  readonly counts: { flaps: number; massReconnects: number; frozen: number }
  stop(): void
}

export async function startLinkFaults(
  plan: FaultPlan,
  victim: Cuttable,
  surroundings: { readonly target: Target; readonly api: Api | null; readonly random: Random },
): Promise<LinkFaults> {
  const { target, api, random } = surroundings
  const counts = { flaps: 0, massReconnects: 0, frozen: 0 }
  const ends: (() => void)[] = []
  every(plan.flap, () => {
    counts.flaps++
    victim.cut(random.integer(0, victim.links - 1))
  })
  every(plan['mass-reconnect'], () => {
    counts.massReconnects++
    for (let link = 0; link < victim.links; link++) victim.cut(link)
  })
  for (let i = 0; i < (plan['frozen-subscriber'] ?? 0); i++) {
    ends.push(await freezeSubscriber(target, `frozen-subscriber-${i + 1}`))
    counts.frozen++
  }
  const dashboards = plan['frozen-dashboard'] ?? 0
  if (dashboards > 0 && api === null)
    throw new Error('frozen-dashboard needs --check: that is where dashboards connect')
  for (let i = 0; i < dashboards; i++) {
    ends.push(await freezeDashboard(api!))
    counts.frozen++
  }
  return {
    counts,
    stop() {
      for (const end of ends) end()
    },
  }

  function every(seconds: number | undefined, strike: () => void): void {
    if (seconds === undefined) return
    const timer = setInterval(strike, seconds * 1000)
    ends.push(() => clearInterval(timer))
  }
}
