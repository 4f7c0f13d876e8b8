import { expect, it } from 'vitest'
import { startIdentities } from './fixture.ts'
import { createSpeaking } from './speaking.ts'

it('a device speaks for itself and for what is behind it, a gateway for whom it likes', async () => {
  const { identities, addDevice, noticed, store, close } = startIdentities()
  for (const id of ['thermo', 'boiler', 'A4:C1~0123456789abcdef'.slice(0, 5)]) await addDevice(id)
  await noticed(() => addDevice('hub', { gateway: true }))
  const identityOf = (id: string) => store.read().devices.find(device => device.id === id)!.identity
  const warnings: object[] = []
  const heard: Record<string, string[]> = {
    'thermo-probe': ['thermo/probe/state'],
    stove: ['home/kitchen/stove/state'],
    shared: ['home/kitchen/shared/state', 'tele/thermo/shared'],
  }
  const { maySpeakOf, reconsider } = createSpeaking({
    identities,
    topicsOf: device => heard[device] ?? [],
    log: { warn: fields => warnings.push(fields) },
  })
  const thermo = identityOf('thermo')
  for (const own of ['thermo', 'thermo-probe', 'shared', 'new-1'])
    expect([own, maySpeakOf(thermo, own)]).toEqual([own, true])
  for (const foreign of ['boiler', 'hub', 'stove'])
    expect([foreign, maySpeakOf(thermo, foreign)]).toEqual([foreign, false])
  expect(warnings).toHaveLength(1)
  for (const any of ['thermo', 'boiler', 'stove', 'x']) expect(maySpeakOf(identityOf('hub'), any)).toBe(true)
  // What was found out lasts until somebody is forgotten.
  heard['thermo-probe'] = ['home/kitchen/probe/state']
  expect(maySpeakOf(thermo, 'thermo-probe')).toBe(true)
  reconsider()
  expect(maySpeakOf(thermo, 'thermo-probe')).toBe(false)
  // What was new is no more when it gets an identity of its own.
  await noticed(() => addDevice('new-1'))
  expect(maySpeakOf(thermo, 'new-1')).toBe(false)
  await noticed(() => store.revokeDevice('thermo'))
  expect(maySpeakOf(thermo, 'thermo')).toBe(false)
  close()
})
