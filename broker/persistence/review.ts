/** After a change of what identities may do: what they left behind stays as far as they still may have it. */

import type { Access } from '../access.ts'
import { OURSELVES, type Owners } from './owners.ts'
import type { RetainedMessages } from './retained.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'
import { plainFilter } from './shared-subscriptions.ts'
import type { Wills } from './wills.ts'

/** How much went. */
export interface ReviewReport {
  readonly sessions: number
  readonly retained: number
  readonly wills: number
}

export interface Reviewed {
  readonly owners: Owners
  readonly sessions: Sessions
  readonly retained: RetainedMessages
  readonly wills: Wills
}

export function review({ owners, sessions, retained, wills }: Reviewed): ReviewReport {
  const report = { sessions: 0, retained: 0, wills: 0 }
  const accesses = new Map<string | null, Access>()
  const accessOf = (owner: string | null) => {
    const access = owners.accessOf(owner)
    if (access !== null) accesses.set(owner, access)
    return access
  }
  for (const session of [...sessions.all()]) {
    const { clientId } = session
    const owner = owners.ofClient(clientId)
    const access = accessOf(owner)
    if (access?.mayUse(clientId) !== true) {
      sessions.end(session)
      report.sessions++
    } else if (owners.hasChanged(owner, access)) {
      narrow(session, access, sessions)
    }
  }
  for (const [clientId, { topic }] of [...wills.all()]) {
    const access = accessOf(owners.ofClient(clientId))
    if (access?.mayUse(clientId) === true && access.mayPublish(topic)) continue
    wills.delete(clientId)
    report.wills++
  }
  for (const topic of [...retained.topics()]) {
    const owner = owners.ofTopic(topic)
    // Nobody else publishes status, and whose it is was not noted.
    if (owner === OURSELVES || topic.startsWith('$SYS/')) continue
    const access = accessOf(owner)
    if (!owners.hasChanged(owner, access) || access?.mayPublish(topic) === true) continue
    retained.drop(topic)
    report.retained++
  }
  owners.reviewed(accesses)
  return report
}

/** Its filters that are not granted any more, and what waits because of them. */
function narrow(session: Session, access: Access, sessions: Sessions): void {
  const denied = [...session.grants.keys()].filter(filter => !access.maySubscribe(plainFilter(filter)))
  const hidden = [...session.queue.values()].filter(({ topic }) => !access.mayReceive(topic))
  for (const delivery of hidden) sessions.remove(delivery)
  if (denied.length > 0) sessions.revoke(session, denied)
}
