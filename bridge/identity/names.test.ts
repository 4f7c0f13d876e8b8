import { expect, it } from 'vitest'
import { isWordOfTopics } from './names.ts'

it('names that are levels of many topics are known, others are nobody’s but their device’s', () => {
  for (const word of [
    'set',
    'SET',
    'get',
    'state',
    'bridge',
    'home',
    'tele',
    'cmnd',
    'sensor',
    'zigbee2mqtt',
  ])
    expect([word, isWordOfTopics(word)]).toEqual([word, true])
  for (const name of ['thermo', 'lamp-1', 'kitchen-esp', 'hub', 'pump', 'boiler', '45E174126E00', 'state-1'])
    expect([name, isWordOfTopics(name)]).toEqual([name, false])
})
