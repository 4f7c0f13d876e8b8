import { expect, it } from 'vitest'
import { fuzzMqtt5 } from './mqtt5.ts'

it('clients that talk nonsense are told so in MQTT 5, and leave nothing behind', async () => {
  const { greeted, published, refused } = await fuzzMqtt5(3500, 20_190_307)
  expect(greeted).toBeGreaterThan(1000)
  expect(published).toBeGreaterThan(500)
  // Malformed, protocol error, client id, taken over, alias, to name those that it must have come across.
  for (const code of [0x81, 0x82, 0x85, 0x8c, 0x8e, 0x94]) expect(refused[code]).toBeGreaterThan(0)
})
