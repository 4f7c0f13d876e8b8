/**
 * Where a device answers a command, and by what the answer is told from its other messages. The topic of the command
 * says it: the first row whose template matches decides. To add a family, add its rows.
 *
 * An answer is the first message that fits. Where a family numbers its requests, that number has to be in it; where it
 * reports what was set, one of the things that were set.
 */

import { isBase } from '../decode/families/zigbee2mqtt.ts'
import { parseJson } from '../decode/json.ts'
import { type Captures, compileTemplate } from '../decode/topic-template.ts'
import type { Message } from '../telemetry/message.ts'
import { SPEAKING } from './command-topic.ts'

/** A command as it is published. */
export interface SentCommand {
  readonly device: string
  readonly topic: string
  readonly payload: Uint8Array
}

export interface ExpectedAnswer {
  /** Without wildcards. */
  readonly topics: readonly string[]
  /** Of a message on one of them; absent: any is. */
  readonly isAnswer?: (message: Message) => boolean
}

/** Null: nothing is known of where this command is answered. */
export function expectedAnswer(command: SentCommand): ExpectedAnswer | null {
  const levels = command.topic.split('/')
  for (const { template, expect } of rows) {
    const captures = template(levels)
    const expected = captures && expect(captures, command)
    if (expected) return expected
  }
  return null
}

type Row = readonly [
  template: string,
  expect: (captures: Captures, command: SentCommand) => ExpectedAnswer | undefined,
]

const ROWS: readonly Row[] = [
  // Tasmota, either order of topic and prefix.
  ['cmnd/{device...}/{command}', ({ device, command }, sent) => tasmota(`stat/${device}`, command!, sent)],
  ['{device...}/cmnd/{command}', ({ device, command }, sent) => tasmota(`${device}/stat`, command!, sent)],

  // Shelly: remote calls and plain commands of the second generation, then the first one.
  ['{device...}/rpc', (_, sent) => remoteCall(sent)],
  [
    '{device...}/command/{component}',
    ({ device, component }) =>
      /^[a-z0-9_]+:\d+$/.test(component!) ? on(`${device}/status/${component}`) : undefined,
  ],
  ['shellies/{device}/command', ({ device }) => on(`shellies/${device}/announce`, `shellies/${device}/info`)],
  ['shellies/{path...}/command|set', ({ path }) => on(`shellies/${path}`, `shellies/${path}/status`)],
  ['shellies/{path...}/command/pos', ({ path }) => on(`shellies/${path}/pos`)],

  // ThingsBoard: the number of a request stands in its topic, a gateway's in the payload.
  [
    'v1/devices/me/rpc/request/{id}',
    ({ id }, { device }) => ({
      topics: [`v1/devices/me/rpc/response/${id}`],
      isAnswer: ({ client }) => client === null || client === device || client.startsWith(`${device}-`),
    }),
  ],
  ['v1/gateway/rpc', (_, sent) => gatewayCall(sent)],
  ['{path...}/rpc/request/{id}', ({ path, id }) => on(`${path}/rpc/response/${id}`)],

  // Zigbee2MQTT: a gateway answers requests by `transaction`, a device is told of by its state.
  [
    '{base}/bridge/request/{path...}',
    ({ base, path }, sent) => gatewayRequest(`${base}/bridge`, path!, sent),
  ],
  ['{base}/{name...}/set|get', ({ base, name }, sent) => zigbee(base!, name!, keysOf(sent) ?? ['state'])],
  ['{base}/{name...}/set|get/{key}', ({ base, name, key }) => zigbee(base!, name!, [key!])],

  // Homie and Valetudo: the property follows, or says first where it is going.
  ['homie|valetudo/{path...}/set', ({ path }, { topic }) => homie(`${topic.split('/', 1)[0]}/${path}`)],

  ['wled/{device}', ({ device }) => on(`wled/${device}/g`)],
  ['wled/{device}/col', ({ device }) => on(`wled/${device}/c`)],
  ['wled/{device}/api', ({ device }) => on(`wled/${device}/g`, `wled/${device}/c`, `wled/${device}/v`)],

  // Victron, Wiren Board, Frigate, OpenMQTTGateway.
  ['W/{path...}', ({ path }) => on(`N/${path}`)],
  ['/devices/{device}/controls/{control}/on', (_, { topic }) => on(topic.slice(0, -'/on'.length))],
  ['frigate/{path...}/set', ({ path }) => on(`frigate/${path}/state`)],
  ['{gateway...}/commands/{what}', ({ gateway, what }) => openMqttGateway(gateway!, what!)],

  // Sparkplug B; The Things Stack and ChirpStack, which tell what became of a downlink.
  [
    'spBv1.0/{group}/DCMD/{node}/{device}',
    ({ group, node, device }) => on(`spBv1.0/${group}/DDATA/${node}/${device}`),
  ],
  [
    'spBv1.0/{group}/NCMD/{node}',
    ({ group, node }) => on(`spBv1.0/${group}/NDATA/${node}`, `spBv1.0/${group}/NBIRTH/${node}`),
  ],
  [
    'v3/{app}/devices/{device}/down/push|replace',
    ({ app, device }) => downlink(`v3/${app}/devices/${device}/down`),
  ],
  [
    'application/{app}/device/{device}/command/down',
    ({ app, device }) =>
      on(...['txack', 'ack'].map(event => `application/${app}/device/${device}/event/${event}`)),
  ],

  // ESPHome, and what a device of no family makes of it.
  ['{path...}/command', ({ path }) => on(`${path}/state`, path!)],
  ['{path...}/set|cmd', ({ path }, sent) => general(path!, sent)],
]

const rows = ROWS.map(([template, expect]) => ({ template: compileTemplate(template), expect }))

function on(...topics: string[]): ExpectedAnswer {
  return { topics }
}

/**
 * `cmnd/plug/POWER` is answered by `stat/plug/RESULT {"POWER":"ON"}`, or with SetOption4 on `stat/plug/POWER`; a command
 * that it does not know by `{"Command":"Unknown"}`. `Status 8` has a topic of its own.
 */
function tasmota(stat: string, command: string, { payload }: SentCommand): ExpectedAnswer {
  const name = command.toUpperCase()
  if (name === 'STATUS')
    return on(`${stat}/STATUS${Buffer.from(payload).toString().trim()}`, `${stat}/STATUS`)
  // `POWER` is answered as `POWER1` where there are several.
  const [word] = /^[A-Z]+/.exec(name) ?? [name]
  const isAny = name.startsWith('BACKLOG')
  const isAnswer = ({ topic, payload }: Message) =>
    isAny ||
    !topic.endsWith('/RESULT') ||
    Object.keys(objectOf(payload) ?? {}).some(key => key === 'Command' || key.toUpperCase().startsWith(word))
  return { topics: [`${stat}/RESULT`, `${stat}/${name}`], isAnswer }
}

/** The answer goes to `<src>/rpc`, with the `id` of the request: without both there is none to be told from others. */
function remoteCall({ payload }: SentCommand): ExpectedAnswer | undefined {
  const { id, src } = objectOf(payload) ?? {}
  if (id === undefined || typeof src !== 'string') return undefined
  return { topics: [`${src}/rpc`], isAnswer: answer => objectOf(answer.payload)?.id === id }
}

function gatewayCall({ payload }: SentCommand): ExpectedAnswer {
  const asked = objectOf(payload)
  const isAnswer = (answer: Message) => {
    const said = objectOf(answer.payload)
    return said !== undefined && said.device === asked?.device && said.id === idOf(asked?.data)
  }
  return { topics: ['v1/gateway/rpc'], isAnswer }
}

function gatewayRequest(bridge: string, path: string, { payload }: SentCommand): ExpectedAnswer {
  const transaction = objectOf(payload)?.transaction
  return {
    topics: [`${bridge}/response/${path}`],
    isAnswer: answer => transaction === undefined || objectOf(answer.payload)?.transaction === transaction,
  }
}

/** The state as one object, or with `output: attribute` a topic for each key. */
function zigbee(base: string, name: string, keys: readonly string[]): ExpectedAnswer | undefined {
  if (!isBase(base)) return undefined
  const topic = `${base}/${name}`
  return {
    topics: [topic, ...keys.slice(0, MAX_KEYS).map(key => `${topic}/${key}`)],
    isAnswer: message => message.topic !== topic || speaksOf(message, keys),
  }
}

function homie(property: string): ExpectedAnswer {
  return on(property, `${property}/$target`)
}

/** `commands/MQTTto433` comes back as `433toMQTT`. */
function openMqttGateway(gateway: string, what: string): ExpectedAnswer | undefined {
  const [, side] = /^MQTTto(.+)$/.exec(what) ?? []
  return side === undefined ? undefined : on(`${gateway}/${side}toMQTT`)
}

function downlink(down: string): ExpectedAnswer {
  return on(...['queued', 'sent', 'ack', 'nack', 'failed'].map(what => `${down}/${what}`))
}

/** On the topic that was set, or on one below it where devices speak; of an object, one that has a key of the command's. */
function general(path: string, sent: SentCommand): ExpectedAnswer {
  const keys = keysOf(sent)
  return {
    topics: [path, ...[...SPEAKING].map(leaf => `${path}/${leaf}`)],
    isAnswer: message => keys === null || speaksOf(message, keys),
  }
}

const MAX_KEYS = 20

function keysOf({ payload }: SentCommand): string[] | null {
  const object = objectOf(payload)
  return object === undefined ? null : Object.keys(object)
}

function speaksOf({ payload }: Message, keys: readonly string[]): boolean {
  const object = objectOf(payload)
  return object !== undefined && (keys.length === 0 || keys.some(key => Object.hasOwn(object, key)))
}

function objectOf(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const json = parseJson(Buffer.from(payload).toString())
  return json !== null && typeof json === 'object' && !Array.isArray(json) ? json : undefined
}

function idOf(data: unknown): unknown {
  return data !== null && typeof data === 'object' && 'id' in data ? data.id : undefined
}
