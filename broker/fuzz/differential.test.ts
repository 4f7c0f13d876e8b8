import { expect, it } from 'vitest'
import { startBroker } from '../fixture.ts'
import { startMosquitto } from '../mosquitto.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { compare, isToReserved } from './differential.ts'

it('what Mosquitto closes a connection for, this broker does', async () => {
  const directory = newDirectory()
  const broker = await startBroker({ directory: directory.path, mqtt5: null })
  const mosquitto = await startMosquitto()
  const { laxer, ...counts } = await compare(broker, mosquitto, 500, 20_261_124)
  console.info(`beside Mosquitto: ${JSON.stringify(counts)}`)
  await mosquitto.stop()
  await broker.close()
  directory.remove()
  expect(laxer.filter(({ bytes }) => !isToReserved(bytes))).toEqual([])
  expect(counts.same).toBeGreaterThan(400)
}, 60_000)
