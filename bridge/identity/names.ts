/**
 * Names of devices, users and tokens. A device's id stands in topic patterns as a literal level, so nothing in it may
 * mean anything to MQTT, a terminal or a path.
 */

import { isCommon, isGeneric } from '../decode/levels.ts'

/** Letters, digits, and what serial numbers and addresses are written with; no sign, control or invisible character. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.:@-]*$/u
const MAX_LENGTH = 64
/** Topics below it are ours. */
const RESERVED = new Set(['trestle'])

/** Beside those that the decoder knows for kinds of messages and for homes. */
const WORDS_OF_TOPICS = new Set(
  'set get cmnd command commands stat config bridge discovery homeassistant homie esphome shellies tasmota zwave availability online lwt rpc announce driver'.split(
    ' ',
  ),
)

/**
 * Whether the topics of many devices have such a level. One that is called so may read and write there, by the usual
 * patterns: `zigbee2mqtt/lamp/set` would be a topic of a device called `set`.
 */
export function isWordOfTopics(id: string): boolean {
  return WORDS_OF_TOPICS.has(id.toLowerCase()) || isCommon(id) || isGeneric(id)
}

/** Null: it is good. Else what is wrong with it, to follow "a device's id". */
export function nameMistake(name: string): string | null {
  if (name.length === 0 || name.length > MAX_LENGTH) return `has 1 to ${MAX_LENGTH} characters`
  // Two spellings of one name would look the same and be two.
  if (!NAME.test(name) || name !== name.normalize('NFC'))
    return 'is made of letters, digits and any of _ . : @ - (the first a letter, digit or _)'
  return RESERVED.has(name.toLowerCase()) ? `is not ${name}: that is ours` : null
}
