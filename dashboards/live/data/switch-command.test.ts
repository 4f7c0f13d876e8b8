import { expect, test } from 'vitest'
import { switchCommandOf } from './switch-command.ts'

test.each([
  ['state', ['zigbee2mqtt/lamp/availability', 'zigbee2mqtt/lamp'], 'zigbee2mqtt/lamp/set', '{"state":"ON"}'],
  ['POWER2', ['tele/desk/LWT', 'tele/desk/STATE'], 'cmnd/desk/POWER2', 'ON'],
  ['switch:0.output', ['plug/online', 'plug/events/rpc'], 'plug/command/switch:0', 'on'],
  ['relay.0', ['shellies/shelly1/online'], 'shellies/shelly1/relay/0/command', 'on'],
  ['pump', ['pond/switch/pump/state'], 'pond/switch/pump/command', 'ON'],
])('%s', (field, topics, topic, payload) => {
  const command = switchCommandOf(field, topics)
  expect([command?.topic, command?.payload(true)]).toEqual([topic, payload])
})

test('what only a person can know has none', () => {
  expect(switchCommandOf('state', ['home/hall/lamp/state'])).toBeNull()
  expect(switchCommandOf('contact', ['zigbee2mqtt/door'])).toBeNull()
})
