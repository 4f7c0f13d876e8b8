import { afterEach, expect, it } from 'vitest'
import { connect } from './load.ts'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
afterEach(() => removeDataDir(trestle.dataDir))

it('as a primary host application it says that it is there, and that it goes', async () => {
  trestle = await startTrestle({ env: { TRESTLE_SPARKPLUG__HOST_ID: 'house' } })
  const node = connect(trestle.mqtt)
  const states: { online: boolean; retain: boolean }[] = []
  node.on('message', (_topic, payload, { retain }) => {
    states.push({ online: JSON.parse(payload.toString()).online, retain })
  })
  const first = new Promise(resolve => node.once('message', resolve))
  await node.subscribeAsync('spBv1.0/STATE/house', { qos: 1 })
  await first
  expect(await trestle.stop()).toBe(0)
  await node.endAsync(true)
  expect(states[0]).toEqual({ online: true, retain: true })
  expect(states.at(-1)).toEqual({ online: false, retain: false })
})
