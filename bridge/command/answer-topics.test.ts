import { describe, expect, it } from 'vitest'
import type { Message } from '../telemetry/message.ts'
import { expectedAnswer } from './answer-topics.ts'

function message(topic: string, payload: string, client: string | null = null): Message {
  return { topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false, packetId: 1, client }
}

/** Whether the message answers the command: it is on an expected topic, and about it. */
function answers(command: [topic: string, payload: string], said: Message): boolean {
  const [topic, payload] = command
  const expected = expectedAnswer({ device: 'plug', topic, payload: Buffer.from(payload) })
  if (!expected?.topics.includes(said.topic)) return false
  return expected.isAnswer?.(said) ?? true
}

describe('the answer of a device to a command is told from its other messages:', () => {
  it.each<[family: string, command: [string, string], answer: [string, string]]>([
    ['tasmota', ['cmnd/plug/POWER', 'ON'], ['stat/plug/RESULT', '{"POWER":"ON"}']],
    ['tasmota, one of several', ['cmnd/plug/Power', 'ON'], ['stat/plug/RESULT', '{"POWER1":"ON"}']],
    ['tasmota, SetOption4', ['cmnd/plug/POWER', 'ON'], ['stat/plug/POWER', 'ON']],
    ['tasmota, unknown', ['cmnd/plug/Nope', '1'], ['stat/plug/RESULT', '{"Command":"Unknown"}']],
    ['tasmota, several', ['cmnd/plug/Backlog', 'POWER ON'], ['stat/plug/RESULT', '{"POWER":"ON"}']],
    ['tasmota, status', ['cmnd/plug/Status', '8'], ['stat/plug/STATUS8', '{"StatusSNS":{}}']],
    ['tasmota, other order', ['plug/cmnd/Dimmer', '5'], ['plug/stat/RESULT', '{"Dimmer":5}']],
    [
      'tasmota, a deep topic',
      ['cmnd/house/hall/plug/POWER', ''],
      ['stat/house/hall/plug/RESULT', '{"POWER":"OFF"}'],
    ],
    [
      'zigbee2mqtt',
      ['zigbee2mqtt/desk lamp/set', '{"state":"ON"}'],
      ['zigbee2mqtt/desk lamp', '{"state":"ON","linkquality":9}'],
    ],
    ['zigbee2mqtt, a word', ['zigbee2mqtt/hall/lamp/set', 'ON'], ['zigbee2mqtt/hall/lamp', '{"state":"ON"}']],
    [
      'zigbee2mqtt, one key',
      ['zigbee2mqtt/lamp/set/brightness', '9'],
      ['zigbee2mqtt/lamp', '{"brightness":9}'],
    ],
    ['zigbee2mqtt, attributes', ['zigbee2mqtt/lamp/set', '{"state":"ON"}'], ['zigbee2mqtt/lamp/state', 'ON']],
    ['zigbee2mqtt, asked', ['zigbee2mqtt/lamp/get', '{"state":""}'], ['zigbee2mqtt/lamp', '{"state":"ON"}']],
    [
      'zigbee2mqtt, gateway',
      ['zigbee2mqtt/bridge/request/permit_join', '{"time":9,"transaction":"a"}'],
      ['zigbee2mqtt/bridge/response/permit_join', '{"status":"ok","transaction":"a"}'],
    ],
    ['homie', ['homie/5/hall/lamp/power/set', 'true'], ['homie/5/hall/lamp/power', 'true']],
    ['homie, on its way', ['homie/hall/blind/level/set', '50'], ['homie/hall/blind/level/$target', '50']],
    ['esphome', ['hall/switch/relay/command', 'ON'], ['hall/switch/relay/state', 'ON']],
    ['shelly 1', ['shellies/plug/relay/0/command', 'on'], ['shellies/plug/relay/0', 'on']],
    [
      'shelly 1, a dimmer',
      ['shellies/plug/light/0/set', '{"brightness":9}'],
      ['shellies/plug/light/0/status', '{"ison":true}'],
    ],
    [
      'shelly 2, a call',
      ['shellyplus1-a/rpc', '{"id":7,"src":"desk","method":"Switch.Toggle"}'],
      ['desk/rpc', '{"id":7,"src":"shellyplus1-a","result":{}}'],
    ],
    [
      'shelly 2, plain',
      ['shellyplus1-a/command/switch:0', 'on'],
      ['shellyplus1-a/status/switch:0', '{"output":true}'],
    ],
    [
      'thingsboard',
      ['v1/devices/me/rpc/request/42', '{"method":"set"}'],
      ['v1/devices/me/rpc/response/42', '{}'],
    ],
    [
      'thingsboard gateway',
      ['v1/gateway/rpc', '{"device":"a","data":{"id":3,"method":"set"}}'],
      ['v1/gateway/rpc', '{"device":"a","id":3,"data":{"ok":true}}'],
    ],
    ['the same elsewhere', ['plant/pump/rpc/request/1', '{}'], ['plant/pump/rpc/response/1', '{}']],
    ['wled', ['wled/strip', '128'], ['wled/strip/g', '128']],
    [
      'z-wave js ui',
      ['zwave/hall/lamp/37/0/targetValue/set', 'true'],
      ['zwave/hall/lamp/37/0/targetValue', '{"value":true}'],
    ],
    ['victron', ['W/c0/vebus/276/Mode', '{"value":3}'], ['N/c0/vebus/276/Mode', '{"value":3}']],
    ['wiren board', ['/devices/relay/controls/K1/on', '1'], ['/devices/relay/controls/K1', '1']],
    ['frigate', ['frigate/door/detect/set', 'ON'], ['frigate/door/detect/state', 'ON']],
    ['openmqttgateway', ['home/gw/commands/MQTTto433', '{"value":1}'], ['home/gw/433toMQTT', '{"value":1}']],
    ['sparkplug', ['spBv1.0/plant/DCMD/edge/pump', '\x00'], ['spBv1.0/plant/DDATA/edge/pump', '\x00']],
    [
      'the things stack',
      ['v3/app@ttn/devices/door/down/push', '{}'],
      ['v3/app@ttn/devices/door/down/queued', '{}'],
    ],
    ['no family', ['home/hall/lamp/set', '{"on":true}'], ['home/hall/lamp/state', '{"on":true,"power":4}']],
    ['no family, on the topic itself', ['home/hall/lamp/set', 'ON'], ['home/hall/lamp', 'ON']],
  ])('%s', (_, command, [topic, payload]) => {
    expect(answers(command, message(topic, payload))).toBe(true)
  })

  it.each<[why: string, command: [string, string], other: Message]>([
    ['another key', ['cmnd/plug/Dimmer', '5'], message('stat/plug/RESULT', '{"POWER":"ON"}')],
    [
      'what a gateway heard of another',
      ['cmnd/zb/POWER', 'ON'],
      message('stat/zb/RESULT', '{"ZbReceived":{}}'),
    ],
    [
      'a report without what was set',
      ['zigbee2mqtt/lamp/set', '{"state":"ON"}'],
      message('zigbee2mqtt/lamp', '{"linkquality":9}'),
    ],
    [
      'another transaction',
      ['zigbee2mqtt/bridge/request/restart', '{"transaction":1}'],
      message('zigbee2mqtt/bridge/response/restart', '{"transaction":2}'),
    ],
    ['another call', ['shelly/rpc', '{"id":7,"src":"desk"}'], message('desk/rpc', '{"id":8}')],
    [
      'a call that nobody could tell',
      ['shelly/rpc', '{"method":"Switch.Toggle"}'],
      message('desk/rpc', '{"id":8}'),
    ],
    [
      'another device',
      ['v1/devices/me/rpc/request/1', '{}'],
      message('v1/devices/me/rpc/response/1', '{}', 'lamp'),
    ],
    [
      'another request of a gateway',
      ['v1/gateway/rpc', '{"device":"a","data":{"id":3}}'],
      message('v1/gateway/rpc', '{"device":"a","id":4}'),
    ],
    ['telemetry', ['home/hall/lamp/set', '{"on":true}'], message('home/hall/lamp/state', '{"power":4}')],
    ['no JSON', ['home/hall/lamp/set', '{"on":true}'], message('home/hall/lamp/state', 'on')],
    ['a topic that nobody knows', ['a/b/do', 'x'], message('a/b', 'x')],
  ])('not %s', (_, command, other) => {
    expect(answers(command, other)).toBe(false)
  })
})
