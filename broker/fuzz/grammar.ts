/** Packets as a client may send them, with names that are hard on programs; what is wrong with them is added elsewhere. */

import { generate, type Packet } from 'mqtt-packet'
import {
  acknowledge,
  type ConnectFields,
  connect,
  DISCONNECT,
  PINGREQ,
  publish,
  subscribe,
  unsubscribe,
} from '../conformance/packets.ts'
import type { Chance } from './chance.ts'

export type Level = 3 | 4 | 5

/** Few, so that sessions meet: in the same topics, and under the same client ids. */
export const TOPICS = [
  'a',
  'a/b',
  'a/b/c',
  'a//c',
  '/',
  '/a',
  'a/',
  ' ',
  '__proto__',
  'constructor',
  'a/__proto__/toString',
  'hasOwnProperty',
  '$other/a',
  '$SYS/broker/uptime',
  '$SYS/x/new/clients',
  'trestle/a',
  '\u{e9}\u{6e29}/\u{1f600}',
  '\u{feff}a',
  'x'.repeat(300),
  Array.from({ length: 30 }, () => 'l').join('/'),
]
export const FILTERS = [
  ...TOPICS,
  '#',
  '+',
  '+/+',
  '/#',
  'a/#',
  'a/+',
  '+/b/#',
  '$SYS/#',
  '$share/g/a/#',
  '$share/__proto__/#',
  '$share/g',
  '+/__proto__',
]
export const CLIENT_IDS = [
  'one',
  'two',
  'three',
  '__proto__',
  'constructor',
  'toString',
  'a/b',
  '+',
  '#',
  '\u{6e29}',
  'x'.repeat(200),
]
const USERNAMES = ['', 'user', '__proto__', '\u{1f600}', 'x'.repeat(1000)]

export function connectOf(chance: Chance, level: Level): Buffer {
  const fields: ConnectFields = {
    protocol: level === 3 ? 'MQIsdp' : 'MQTT',
    level,
    clientId: chance.is(0.2) ? '' : chance.pick(CLIENT_IDS),
    clean: chance.is(0.5),
    keepAlive: chance.pick([0, 1, 60, 65_535]),
    ...(chance.is(0.3) ? { will: willOf(chance) } : {}),
    ...(chance.is(0.3) ? { username: chance.pick(USERNAMES), password: 'secret' } : {}),
  }
  return level === 5 ? connect5(chance, fields) : connect(fields)
}

export function packetOf(chance: Chance, level: Level): Buffer {
  return level === 5 ? packet5(chance) : packet3(chance)
}

function willOf(chance: Chance): NonNullable<ConnectFields['will']> {
  return {
    topic: chance.pick(TOPICS),
    payload: payloadOf(chance).toString('latin1'),
    qos: chance.below(3),
    retain: chance.is(0.3),
  }
}

function payloadOf(chance: Chance): Buffer {
  if (chance.is(0.02)) return Buffer.alloc(chance.below(70_000), 120)
  return chance.is(0.3)
    ? Buffer.from('{"temperature":21.5,"__proto__":{"a":1}}')
    : chance.bytes(chance.below(20))
}

/** Few identifiers: they collide. */
function idOf(chance: Chance): number {
  return 1 + chance.below(5)
}

const ACKNOWLEDGEMENTS = ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const

function packet3(chance: Chance): Buffer {
  const id = idOf(chance)
  switch (chance.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const qos = chance.below(3)
      const dup = qos > 0 && chance.is(0.2)
      return publish({
        topic: chance.pick(TOPICS),
        payload: payloadOf(chance),
        qos,
        dup,
        retain: chance.is(0.2),
        id,
      })
    }
    case 4:
    case 5:
      return subscribe(
        id,
        filtersOf(chance).map(filter => [filter, chance.below(3)]),
      )
    case 6:
      return unsubscribe(id, filtersOf(chance))
    case 7:
    case 8:
      return acknowledge(chance.pick(ACKNOWLEDGEMENTS), id)
    default:
      return chance.is(0.8) ? PINGREQ : DISCONNECT
  }
}

function filtersOf(chance: Chance): string[] {
  return Array.from({ length: 1 + chance.below(4) }, () => chance.pick(FILTERS))
}

function connect5(
  chance: Chance,
  { clientId, clean, keepAlive, will, username, password }: ConnectFields,
): Buffer {
  const properties = {
    ...(chance.is(0.5) ? { sessionExpiryInterval: chance.pick([0, 1, 3600, 0xffff_ffff]) } : {}),
    ...(chance.is(0.3) ? { receiveMaximum: chance.pick([1, 2, 65_535]) } : {}),
    ...(chance.is(0.3) ? { maximumPacketSize: chance.pick([20, 200, 1_000_000]) } : {}),
    ...(chance.is(0.3) ? { topicAliasMaximum: chance.pick([1, 10, 65_535]) } : {}),
    ...(chance.is(0.2) ? { requestProblemInformation: false } : {}),
    ...(chance.is(0.2) ? { userProperties: { __proto: 'a', constructor: ['b', 'c'] } } : {}),
  }
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: String(clientId),
    clean: clean === true || clientId === '',
    keepalive: keepAlive ?? 0,
    properties,
    ...(will === undefined
      ? {}
      : {
          will: {
            topic: String(will.topic),
            payload: Buffer.from(will.payload ?? ''),
            qos: (will.qos ?? 0) as 0,
            retain: will.retain === true,
            properties: { willDelayInterval: chance.pick([0, 0, 1]) },
          },
        }),
    ...(username === undefined ? {} : { username: String(username), password: Buffer.from(password ?? '') }),
  })
}

function packet5(chance: Chance): Buffer {
  return generate(plain5(chance), { protocolVersion: 5 })
}

function plain5(chance: Chance): Packet {
  const messageId = idOf(chance)
  switch (chance.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const qos = chance.below(3) as 0 | 1 | 2
      const isAliased = chance.is(0.3)
      return {
        cmd: 'publish',
        topic: isAliased && chance.is(0.5) ? '' : chance.pick(TOPICS),
        payload: payloadOf(chance),
        qos,
        retain: chance.is(0.2),
        dup: qos > 0 && chance.is(0.2),
        messageId,
        properties: {
          ...(isAliased ? { topicAlias: 1 + chance.below(3) } : {}),
          ...(chance.is(0.2) ? { messageExpiryInterval: chance.pick([1, 60, 0xffff_ffff]) } : {}),
          ...(chance.is(0.1) ? { responseTopic: chance.pick(TOPICS), correlationData: chance.bytes(5) } : {}),
          ...(chance.is(0.1) ? { contentType: 'text/plain', payloadFormatIndicator: false } : {}),
          ...(chance.is(0.1) ? { userProperties: { toString: 'x', a: ['1', '2'] } } : {}),
        },
      }
    }
    case 4:
    case 5:
      return {
        cmd: 'subscribe',
        messageId,
        subscriptions: filtersOf(chance).map(topic => ({
          topic,
          qos: chance.below(3) as 0,
          nl: !topic.startsWith('$share') && chance.is(0.2),
          rap: chance.is(0.2),
          rh: chance.below(3),
        })),
        properties: chance.is(0.3) ? { subscriptionIdentifier: 1 + chance.below(300) } : {},
      }
    case 6:
      return { cmd: 'unsubscribe', messageId, unsubscriptions: filtersOf(chance) }
    case 7:
    case 8:
      return { cmd: chance.pick(ACKNOWLEDGEMENTS), messageId, reasonCode: 0 }
    default:
      return chance.is(0.8) ? { cmd: 'pingreq' } : { cmd: 'disconnect', reasonCode: chance.pick([0, 4]) }
  }
}
