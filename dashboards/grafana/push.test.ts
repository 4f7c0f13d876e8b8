import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect } from '../../bridge/test/load.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from '../../bridge/test/trestle.ts'
import { startPush } from './push.ts'

/** Stands for Grafana, of which nothing runs here: it keeps what it gets, and answers what it is told to. */
const posts: { url: string | undefined; authorization: string | undefined; lines: string[] }[] = []
let status = 200
const grafana = createServer((request: IncomingMessage, response) => {
  void text(request).then(body => {
    if (status === 200)
      posts.push({
        url: request.url,
        authorization: request.headers.authorization,
        lines: body.trimEnd().split('\n'),
      })
    response.writeHead(status).end()
  })
})

let trestle: Trestle
beforeAll(async () => {
  await new Promise<void>(resolve => grafana.listen(0, '127.0.0.1', resolve))
  trestle = await startTrestle()
})
afterAll(async () => {
  grafana.close()
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

it('readings reach Grafana Live as line protocol, a measurement a device, and a refusal is told once', async () => {
  const said: string[] = []
  const push = startPush({
    bridgeUrl: trestle.url,
    grafanaUrl: `http://127.0.0.1:${(grafana.address() as AddressInfo).port}`,
    grafanaToken: 'secret',
    say: line => said.push(line),
  })
  const publisher = connect(trestle.mqtt)
  const publish = (temperature: number) =>
    publisher.publishAsync(
      'home/kitchen/thermo-1/state',
      JSON.stringify({ temperature, window: false, mode: 'eco', ts: 1_795_000_000_000 + temperature }),
      { qos: 1 },
    )

  await publish(21)
  const lines = () => posts.flatMap(post => post.lines)
  await eventually(
    async () => lines(),
    found => found.includes('thermo-1 temperature=21,window=false 1795000000021000000'),
  )
  expect(posts[0]).toMatchObject({ url: '/api/live/push/trestle', authorization: 'Bearer secret' })

  status = 403
  for (const temperature of [22, 23, 24]) {
    await publish(temperature)
    await new Promise(resolve => setTimeout(resolve, 120))
  }
  await eventually(
    async () => said,
    found => found.length > 0,
  )
  status = 200
  await publish(25)
  await eventually(
    async () => lines(),
    found => found.includes('thermo-1 temperature=25,window=false 1795000000025000000'),
  )
  await eventually(
    async () => said,
    found => found.length > 1,
  )
  expect(said).toEqual(['Grafana: 403 ', 'Grafana takes readings'])

  await publisher.endAsync()
  await push.close()
})
