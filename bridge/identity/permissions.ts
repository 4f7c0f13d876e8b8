/**
 * What may be published and read, by topic patterns: MQTT filters in which `{id}` stands for the device's own id, as
 * a literal level.
 *
 * A SUBSCRIBE is granted by inclusion: each topic that its filter can match is matched by one of the patterns. Two
 * kinds of first level are never meant by a wildcard: `$...` as in MQTT [MQTT-4.7.2-1], and ours, `trestle`, the same
 * way. Whoever may read them is given a pattern that names them.
 */

import type { Access } from '../../broker/access.ts'
import { may, type Role } from '../live/access.ts'
import { isValidFilter } from '../telemetry/topics.ts'

/** Status for everybody with a name; what else is below `$SYS` tells client ids, and is nobody's. */
const STATUS = '$SYS/broker/#'
const EVERYTHING = '#'
const OURS = 'trestle/#'

const DEVICE_PATTERNS = ['{id}/#', '+/{id}', '+/{id}/#', '+/+/{id}', '+/+/{id}/#']

/** Answers kept for one identity, by topics of at most so many characters: a wanderer is only slower. */
const MAX_KEPT_ANSWERS = 128
const MAX_KEPT_LENGTH = 256

/** Patterns that a device may be given beside its own; null: it is good. */
export function patternMistake(pattern: string): string | null {
  if (!isValidFilter(pattern)) return 'is no MQTT filter, such as zigbee2mqtt/{id}/#'
  const levels = pattern.split('/')
  if (isOurs(levels[0]!)) return 'is reserved: $SYS/... and trestle/... are ours'
  return levels.some(level => /[{}]/.test(level) && level !== '{id}')
    ? 'has {id} as a whole level, or not'
    : null
}

export interface DeviceRights {
  readonly isGateway: boolean
  /** Patterns beside the usual ones. */
  readonly allow: readonly string[]
}

export interface Ownership {
  readonly identity: string | null
  readonly mayUse: (clientId: string) => boolean
}

export function deviceAccess(id: string, { isGateway, allow }: DeviceRights, owner: Ownership): Access {
  const own = isGateway ? [EVERYTHING] : [...DEVICE_PATTERNS, ...allow].map(pattern => withId(pattern, id))
  return new TopicAccess(owner, {
    publish: own,
    subscribe: isGateway ? [EVERYTHING, STATUS] : own,
    isConfined: !isGateway,
    isOpenToDollars: false,
  })
}

export function roleAccess(role: Role, owner: Ownership): Access {
  const mayAct = may({ role }, 'act')
  return new TopicAccess(owner, {
    publish: mayAct ? [EVERYTHING] : [],
    subscribe: [EVERYTHING, OURS, STATUS],
    isConfined: false,
    isOpenToDollars: mayAct,
  })
}

/** Where access is open. */
export function openAccess(owner: Ownership): Access {
  return roleAccess('admin', owner)
}

interface Patterns {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  readonly isConfined: boolean
  /** Topics such as `$aws/...`, which mean nothing to the broker. */
  readonly isOpenToDollars: boolean
}

class TopicAccess implements Access {
  readonly identity: string | null
  readonly isConfined: boolean
  readonly mayUse: (clientId: string) => boolean
  readonly #publish: TopicPatterns
  readonly #subscribe: TopicPatterns
  readonly #isOpenToDollars: boolean

  constructor({ identity, mayUse }: Ownership, { publish, subscribe, ...patterns }: Patterns) {
    this.identity = identity
    this.isConfined = patterns.isConfined
    this.#isOpenToDollars = patterns.isOpenToDollars
    this.mayUse = mayUse
    this.#publish = new TopicPatterns(publish)
    this.#subscribe = new TopicPatterns(subscribe)
  }

  mayPublish(topic: string): boolean {
    if (isOurs(topic)) return false
    return this.#isMeantByDollar(topic) || this.#publish.matches(topic)
  }

  maySubscribe(filter: string): boolean {
    if (!isValidFilter(filter)) return false
    return this.#isMeantByDollar(filter) || this.#subscribe.include(filter)
  }

  mayReceive(topic: string): boolean {
    return this.#isMeantByDollar(topic) || this.#subscribe.matches(topic)
  }

  #isMeantByDollar(text: string): boolean {
    return this.#isOpenToDollars && text.startsWith('$') && !isOurs(text)
  }
}

/** A set of patterns without placeholders. */
export class TopicPatterns {
  readonly #patterns: readonly (readonly string[])[]
  readonly #longest: number
  readonly #matchesAll: boolean
  readonly #answers = new Map<string, boolean>()

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(pattern => pattern.split('/'))
    this.#longest = Math.max(0, ...this.#patterns.map(({ length }) => length))
    this.#matchesAll = patterns.includes(EVERYTHING)
  }

  /** Asked for every message, so answers are kept. */
  matches(topic: string): boolean {
    if (this.#matchesAll && !isReserved(topic)) return true
    const known = this.#answers.get(topic)
    if (known !== undefined) return known
    const levels = topic.split('/')
    const answer = this.#patterns.some(pattern => matchesLevels(pattern, levels))
    if (topic.length > MAX_KEPT_LENGTH) return answer
    if (this.#answers.size >= MAX_KEPT_ANSWERS) this.#answers.clear()
    this.#answers.set(topic, answer)
    return answer
  }

  /**
   * Whether every topic that the filter can match is matched by one of the patterns, each perhaps by another one. A
   * wildcard of the filter stands for any level, also for one that no pattern names: what matches that, matches by a
   * wildcard of its own, and so matches all. One such topic of each length is therefore enough; beyond the longest
   * pattern only a `#` matches, and all lengths are alike.
   */
  include(filter: string): boolean {
    const levels = filter.split('/')
    const isOpen = levels.at(-1) === '#'
    const fixed = (isOpen ? levels.slice(0, -1) : levels).map(level => (level === '+' ? UNNAMED : level))
    if (!isOpen) return this.#matchesLevels(fixed)
    // The parent counts [MQTT-4.7.1-2], where it is a topic: that of `#` and of `/#` would be empty [MQTT-4.7.3-1].
    if (fixed.join('/') !== '' && !this.#matchesLevels(fixed)) return false
    const topic = [...fixed]
    while (topic.length <= Math.max(fixed.length, this.#longest)) {
      topic.push(UNNAMED)
      if (!this.#matchesLevels(topic)) return false
    }
    return true
  }

  #matchesLevels(levels: readonly string[]): boolean {
    return this.#patterns.some(pattern => matchesLevels(pattern, levels))
  }
}

/** A level that no pattern and no topic can name: U+0000 is in neither [MQTT-1.5.3-2]. */
const UNNAMED = '\0'

function matchesLevels(pattern: readonly string[], levels: readonly string[]): boolean {
  const isWild = pattern[0] === '+' || pattern[0] === '#'
  if (isWild && isReserved(levels[0]!)) return false
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '#') return true
    if (i >= levels.length) return false
    if (pattern[i] !== '+' && pattern[i] !== levels[i]) return false
  }
  return pattern.length === levels.length
}

/** What the broker itself acts on or publishes: of a topic, a filter, or its first level. */
function isOurs(topic: string): boolean {
  return /^(\$SYS|\$CONTROL|\$share|\$queue|trestle)(\/|$)/.test(topic)
}

/** What a wildcard does not mean. */
function isReserved(topic: string): boolean {
  return topic.startsWith('$') || topic === 'trestle' || topic.startsWith('trestle/')
}

function withId(pattern: string, id: string): string {
  return pattern
    .split('/')
    .map(level => (level === '{id}' ? id : level))
    .join('/')
}
