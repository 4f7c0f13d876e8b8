/**
 * The far end of a check, as far as a check asks: a broker, `/api/ledger`, `/api/history` and `/live`, which loses
 * what it is told to lose. The real one cannot be asked for that.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Arrived, startBroker, type TestBroker } from './broker.ts'

export interface ForgetfulTrestle {
  readonly broker: TestBroker
  readonly url: string
  /** Of the live connections that have subscribed. */
  readonly dashboards: ReadonlySet<WebSocket>
  close(): Promise<void>
}

export interface Forgets {
  /** Whether it loses this reading on the way to the store, or to dashboards. */
  stored?(device: string, seq: number): boolean
  live?(device: string, seq: number): boolean
}

interface Point {
  readonly time: number
  readonly values: Readonly<Record<string, number>>
}

export async function startForgetfulTrestle(forgets: Forgets = {}): Promise<ForgetfulTrestle> {
  const broker = await startBroker()
  const points = new Map<string, Point[]>()
  const dashboards = new Set<WebSocket>()
  let received = 0

  broker.aedes.authorizePublish = after(broker.aedes.authorizePublish, () => take(broker.arrived.at(-1)!))
  const http = createServer((request, response) => {
    const url = new URL(request.url!, 'http://x')
    const answer = url.pathname === '/api/ledger' ? ledger() : history(url.searchParams)
    response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
  const sockets = new WebSocketServer({ server: http, path: '/live' })
  sockets.on('connection', socket => {
    socket.send(
      JSON.stringify({
        op: 'hello',
        protocol: 'trestle.live.v1',
        node: 'x',
        cursor: '0',
        seq: 0,
        serverTime: Date.now(),
        limits: {},
      }),
    )
    socket.on('message', data => {
      const { op, id } = JSON.parse(String(data)) as { op: string; id: number }
      if (op !== 'subscribe') return
      dashboards.add(socket)
      socket.send(JSON.stringify({ op: 'result', id, ok: true }))
    })
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')

  return {
    broker,
    dashboards,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
      await broker.close()
    },
  }

  function take({ topic, payload }: Arrived): void {
    const [, , device, last] = topic.split('/')
    if (device === undefined || last !== 'state') return
    const { ts, ...values } = JSON.parse(payload.toString()) as Record<string, number>
    const seq = received++
    if (forgets.stored?.(device, values.seq!) !== true) {
      points.set(device, [...(points.get(device) ?? []), { time: ts!, values }])
    }
    if (forgets.live?.(device, values.seq!) === true) return
    const reading = { device, topic, time: ts, received: Date.now(), values, tags: {} }
    const frame = { op: 'readings', id: 1, cursor: String(seq), seq, skipped: 0, readings: [reading] }
    for (const socket of dashboards) socket.send(JSON.stringify(frame))
  }

  function ledger(): object {
    return {
      received,
      stored: received,
      waiting: 0,
      quarantined: 0,
      ignored: {},
      dropped: {},
      balanced: true,
    }
  }

  /** Two points a page, so that paging is seen, too. */
  function history(query: URLSearchParams): object | null {
    const all = points.get(query.get('device')!)
    if (all === undefined) return null
    const from = Number(query.get('from'))
    const found = all.filter(({ time }) => time >= from && time <= Number(query.get('to')))
    const page = found.slice(0, 2).map(({ time, values }) => ({ time, value: values[query.get('field')!] }))
    return { points: page, next: found.length > 2 ? found[2]!.time : null }
  }
}

type Authorize = TestBroker['aedes']['authorizePublish']

function after(authorize: Authorize, then: () => void): Authorize {
  return (client, packet, done) =>
    authorize(client, packet, error => {
      then()
      done(error)
    })
}
