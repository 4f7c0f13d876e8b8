/** What connections share, and how the settings bound them. */

import type { Aedes } from 'aedes'
import type { Access } from '../access.ts'
import type { Admission } from '../admission.ts'
import type { GuardLimits } from '../guard/limits.ts'
import type { SubscriptionLimits } from '../guard/subscription-limits.ts'
import type { Intake } from '../intake.ts'
import type { Persistence } from '../persistence/persistence.ts'
import type { DelayedWills } from './delayed-wills.ts'
import type { LiveSubscriptions } from './live-subscriptions.ts'
import type { OutboundStats } from './outbound.ts'

/** Of the settings. */
export interface Mqtt5Settings {
  /** Longer ones are cut, and clients are told. */
  readonly sessionExpiryMs: number
  /** Topics that a client may give a number (3.3.2.3.4). */
  readonly inboundTopicAliases: number
  /** Topics that we give a number, for clients that ask for it. */
  readonly outboundTopicAliases: number
}

/** What connections share. */
export interface FrontParts {
  readonly aedes: Aedes
  readonly persistence: Persistence
  readonly admission: Admission
  readonly subscriptionLimits: SubscriptionLimits
  readonly maySubscribe: (access: Access, filter: string) => boolean
  readonly topicLimits: Pick<GuardLimits, 'maxTopicBytes' | 'maxTopicLevels' | 'maxFiltersPerSubscribe'>
  readonly limits: Mqtt5Settings & {
    readonly receiveMaximum: number
    readonly maxInflight: number
    readonly maxPacketBytes: number
    readonly maxKeepAliveS: number
  }
  readonly intake: Intake
  readonly wills: DelayedWills
  readonly live: LiveSubscriptions
  readonly stats: OutboundStats & {
    /** By MQTT 5. */
    mqtt5Connections: number
    /** Times that clients were not read from, because too many of their messages waited. */
    paused: number
    /** By us, by reason. */
    readonly closed: Record<string, number>
  }
  readonly log: { debug(fields: object, text: string): void; error(fields: object, text: string): void }
  isStopping(): boolean
}
