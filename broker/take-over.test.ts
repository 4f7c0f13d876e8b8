import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect, subscribe } from './conformance/packets.ts'
import { connected, Wire } from './conformance/wire.ts'
import { startBroker, type TestBroker } from './fixture.ts'
import { dial } from './fuzz/sessions.ts'
import { type Directory, newDirectory } from './persistence/fixture.ts'

let directory: Directory
let broker: TestBroker
beforeEach(async () => {
  directory = newDirectory()
  broker = await startBroker({ directory: directory.path })
})
afterEach(async () => {
  await broker.close()
  directory.remove()
})

it('whenever a client goes while it comes again, the newer connection is the client: counted, heard, taken over from', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const clientId = `client-${turns}`
    const older = new Wire(dial(broker.broker))
    older.send(connect({ clientId, clean: false }), subscribe(1, [['news', 1]]))
    await older.find('suback')
    const newer = new Wire(dial(broker.broker))
    newer.send(connect({ clientId, clean: false }))
    for (let i = 0; i < turns; i++) await setImmediate()
    older.stream.destroy()
    await newer.next('connack')
    await newer.ping()
    const publisher = await connected(broker.port)
    await publisher.publish({ topic: 'news', payload: clientId, qos: 1 })
    expect((await newer.receive(1))[0]?.payload).toBe(clientId)
    await publisher.drop()
    await until(() => broker.broker.clients === 1)
    const third = await connected(broker.port, { clientId, clean: false })
    await newer.closed()
    await third.drop()
    await until(() => broker.broker.clients === 0)
  }
})

it('of many that come under one id at once, one stays', async () => {
  const wires = Array.from({ length: 20 }, () => new Wire(dial(broker.broker)))
  for (const wire of wires) wire.send(connect({ clientId: 'one', clean: false }))
  await until(
    () => wires.filter(({ stream }) => !stream.destroyed).length === 1 && broker.broker.clients === 1,
  )
  const [left] = wires.filter(({ stream }) => !stream.destroyed)
  await left!.ping()
})

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5)
}
