import { afterEach, expect, it } from 'vitest'
import { RawClient } from './raw-client.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const TOPIC = 'home/hall/counter-1/state'
const PAYLOAD = '{"pulses":1}'

let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

it.each([1, 2] as const)(
  'a retransmission by QoS %i is stored once, also after kill -9, and an equal reading twice',
  async qos => {
    trestle = await startTrestle()
    const answer = qos === 1 ? 'puback' : 'pubrec'
    const send = async (client: RawClient, dup: boolean) => {
      client.publish({ topic: TOPIC, payload: PAYLOAD, qos, dup, messageId: 7 })
      await client.next(answer)
    }
    const first = await RawClient.connect(trestle.mqtt)
    await send(first, false)
    await send(first, true)
    first.end()
    expect(await trestle.ledger()).toMatchObject({ received: 2, ignored: { duplicate: 1 }, balanced: true })

    // The acknowledgement was lost with the process: the device cannot know.
    await trestle.kill()
    trestle = await startTrestle({ dataDir: trestle.dataDir })
    const second = await RawClient.connect(trestle.mqtt)
    await send(second, true)
    expect(await trestle.ledger()).toMatchObject({ received: 3, ignored: { duplicate: 2 }, balanced: true })

    // The same packet identifier and payload without DUP is what the device counted next.
    second.end()
    const third = await RawClient.connect(trestle.mqtt)
    await send(third, false)
    third.end()
    await eventually(
      () => trestle.ledger(),
      ({ stored }) => stored === 2,
    )
    const { points } = await trestle.get<{ points: unknown[] }>(
      '/api/history?device=counter-1&field=pulses&points=raw',
    )
    expect(points).toHaveLength(2)
  },
)

it('a DUP flag on a message that never came before is just a message', async () => {
  trestle = await startTrestle()
  const client = await RawClient.connect(trestle.mqtt)
  client.publish({ topic: TOPIC, payload: PAYLOAD, dup: true, messageId: 9 })
  await client.next('puback')
  client.end()
  expect(await trestle.ledger()).toMatchObject({ received: 1, ignored: {}, balanced: true })
})

it('acknowledgements come in the order of arrival, whatever becomes of the messages', async () => {
  trestle = await startTrestle()
  const client = await RawClient.connect(trestle.mqtt)
  const payloads = ['{"n":1}', '{"n":', '{"n":2}', '', '{"n":3}']
  for (let id = 1; id <= 200; id++) {
    const topic = id % 7 === 0 ? 'home/hall/counter-1/set' : TOPIC
    client.publish({ topic, payload: payloads[id % payloads.length]!, messageId: id })
  }
  const order: (number | undefined)[] = []
  for (let id = 1; id <= 200; id++) order.push((await client.next('puback')).messageId)
  client.end()
  expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  expect((await trestle.ledger()).balanced).toBe(true)
})

it('a message on a reserved topic is counted, not acknowledged, and its sender is closed', async () => {
  trestle = await startTrestle()
  for (const topic of ['$SYS/x/new/clients', 'trestle/x']) {
    const client = await RawClient.connect(trestle.mqtt)
    client.publish({ topic, payload: 'victim' })
    await client.closed()
    await expect(client.next('puback')).rejects.toThrow()
  }
  expect(await trestle.ledger()).toMatchObject({ received: 2, dropped: { forbidden: 2 }, balanced: true })
})

it('an equal payload with the same packet identifier on another topic is no retransmission, whatever its DUP flag', async () => {
  trestle = await startTrestle()
  const client = await RawClient.connect(trestle.mqtt)
  client.publish({ topic: TOPIC, payload: PAYLOAD, messageId: 7 })
  await client.next('puback')
  client.publish({ topic: 'home/hall/counter-2/state', payload: PAYLOAD, dup: true, messageId: 7 })
  await client.next('puback')
  client.end()
  expect(await trestle.ledger()).toMatchObject({ received: 2, ignored: {}, balanced: true })
})
