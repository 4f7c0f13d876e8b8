/** An orderly stop ends every connection without a word of peace: each will is published, and done with. */

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { listener, sleeper } from '../fixture.ts'
import { FreshBroker } from '../fresh-broker.ts'
import { stateOnDisk } from '../persistence/fixture.ts'
import { connectRaw } from '../raw-client.ts'

const on = new FreshBroker()

it.each([4, 5] as const)(
  'a will of protocol version %i is retained, queued for those who sleep, and gone from the disk',
  async version => {
    const accepted: string[] = []
    await on.start({
      accept: async ({ topic }) => {
        accepted.push(topic)
        // All else could be over before the disk has it.
        await sleep(20)
      },
    })
    const asleep = await sleeper(on.port, 'asleep')
    await asleep.client.subscribeAsync('will/#', { qos: 1 })
    await asleep.client.endAsync()
    const common = { qos: 1, retain: true } as const
    for (const clientId of ['a', 'b']) {
      const will = { topic: `will/${clientId}`, payload: Buffer.from('gone'), ...common }
      await (version === 4 ? connectRaw(on.port, { clientId, will }) : on.greet({ clientId, will }))
    }
    await on.restart()
    expect(accepted.toSorted()).toEqual(['will/a', 'will/b'])
    // Else they would come again, a minute later.
    expect(stateOnDisk(on.directory).wills).toEqual([])
    const awake = await sleeper(on.port, 'asleep')
    await awake.count(2)
    expect(awake.heard.toSorted()).toEqual(['will/a gone', 'will/b gone'])
    const fresh = await listener(on.port)
    await fresh.client.subscribeAsync('will/#', { qos: 1 })
    await fresh.count(2)
    expect(fresh.packets).toMatchObject([common, common])
    await Promise.all([awake, fresh].map(({ client }) => client.endAsync()))
  },
)
