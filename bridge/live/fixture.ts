/** For tests: a relay behind a real server, a catalog to go with it, and clients that show what they got. */

import { type AddressInfo, connect, type Socket } from 'node:net'
import { serve } from '@hono/node-server'
import { WebSocket } from 'ws'
import type { AcceptedReading, Field, Value } from '../telemetry/reading.ts'
import type { LastField, Series } from '../telemetry/series.ts'
import type { AccessOptions } from './access.ts'
import type { ClientFrame, ServerFrame, SubscribeFrame, SubscribeMessagesFrame } from './protocol.ts'
import { Relay, type RelayOptions } from './relay.ts'
import { liveRoutes } from './routes.ts'
import { serverFrame } from './schema.ts'
import { attachLive, type LiveSocketsOptions } from './sockets.ts'

export const EPOCH = 'epoch-1'

/** Numbers readings and remembers last values, as the pipeline and the catalog do. */
export class Feed {
  epoch = EPOCH
  seq = 0
  readonly offered: AcceptedReading[] = []
  readonly #series = new Map<string, Series & { fields: Map<string, LastField> }>()

  readonly lastReadings = (): Iterable<Series> => this.#series.values()

  reading(device: string, values: Record<string, Value>, timeUs = Date.now() * 1000): AcceptedReading {
    const fields: Field[] = Object.entries(values).map(([name, value]) => ({ name, value }))
    const topic = `home/hall/${device}`
    const receivedUs = Date.now() * 1000
    const reading = { seq: ++this.seq, device, topic, tags: { room: 'hall' }, fields, timeUs, receivedUs }
    this.offered.push(reading)
    this.#remember(reading)
    return reading
  }

  /** What live clients are told when a device is gone. */
  about(device: string, availableBy: 'forgotten' | 'silence'): AcceptedReading {
    if (availableBy === 'forgotten') this.#series.delete(device)
    const nowUs = Date.now() * 1000
    const fields = [{ name: 'available', value: false }]
    const tags = { availableBy }
    const about = { seq: ++this.seq, device, topic: '', tags, fields, timeUs: nowUs, receivedUs: nowUs }
    this.offered.push(about)
    return about
  }

  #remember({ device, topic, tags, fields, timeUs, receivedUs }: AcceptedReading): void {
    let series = this.#series.get(device)
    if (!series) {
      series = { device, topic, tags, fields: new Map() }
      this.#series.set(device, series)
    }
    for (const { name, value } of fields) {
      const last = series.fields.get(name)
      if (!last || timeUs >= last.timeUs) series.fields.set(name, { value, timeUs, receivedUs })
    }
  }
}

export interface Live extends AsyncDisposable {
  readonly relay: Relay
  readonly feed: Feed
  readonly port: number
  readonly url: string
  offer(device: string, values: Record<string, Value>, timeUs?: number): void
  forget(device: string): void
  /** A device is silent. */
  miss(device: string): void
  client(): Promise<TestClient>
  close(): Promise<void>
}

export type LiveOptions = Partial<Omit<RelayOptions, 'lastReadings'>> &
  LiveSocketsOptions &
  AccessOptions & { readonly port?: number; readonly feed?: Feed }

export async function startLive(options: LiveOptions = {}): Promise<Live> {
  const feed = options.feed ?? new Feed()
  const relay = new Relay({ node: 'node-1', epoch: feed.epoch, ...options, lastReadings: feed.lastReadings })
  const { promise: port, resolve } = Promise.withResolvers<number>()
  const server = serve(
    { fetch: liveRoutes(relay, options).fetch, port: options.port ?? 0, hostname: '127.0.0.1' },
    ({ port }: AddressInfo) => resolve(port),
  )
  const sockets = attachLive(server as Parameters<typeof attachLive>[0], relay, options)
  const url = `http://127.0.0.1:${await port}`
  const close = async (): Promise<void> => {
    await sockets.close()
    await new Promise(done => server.close(done))
  }
  return {
    relay,
    feed,
    port: await port,
    url,
    offer: (device, values, timeUs) =>
      relay.offer({ epoch: feed.epoch, readings: [feed.reading(device, values, timeUs)] }),
    forget: device => relay.offer({ epoch: feed.epoch, readings: [feed.about(device, 'forgotten')] }),
    miss: device => relay.offer({ epoch: feed.epoch, readings: [feed.about(device, 'silence')] }),
    client: () => TestClient.connect(`${url.replace('http', 'ws')}/live`),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Op<T extends ServerFrame['op']> = Extract<ServerFrame, { op: T }>

/** A WebSocket client that keeps every frame, each checked against the schema. */
export class TestClient implements Disposable {
  readonly frames: ServerFrame[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #socket: WebSocket
  #onFrame: () => void = () => undefined
  #taken = 0

  static async connect(
    url: string,
    protocol: string[] = [],
    headers: Record<string, string> = {},
  ): Promise<TestClient> {
    const client = new TestClient(new WebSocket(url, protocol, { headers }))
    await new Promise((resolve, reject) => client.#socket.once('open', resolve).once('error', reject))
    return client
  }

  constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = new Promise(resolve =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    )
    socket.on('error', () => undefined)
    socket.on('message', data => {
      this.frames.push(serverFrame.parse(JSON.parse(String(data))) as ServerFrame)
      this.#onFrame()
    })
  }

  get socket(): WebSocket {
    return this.#socket
  }

  send(...frames: ClientFrame[]): void {
    for (const frame of frames) this.#socket.send(JSON.stringify(frame))
  }

  /** The next frame of this kind that was not taken yet, passing over others. */
  async next<T extends ServerFrame['op']>(
    op: T,
    matches: (frame: Op<T>) => boolean = () => true,
  ): Promise<Op<T>> {
    for (;;) {
      for (; this.#taken < this.frames.length; this.#taken++) {
        const frame = this.frames[this.#taken]!
        if (frame.op === op && matches(frame as Op<T>)) {
          this.#taken++
          return frame as Op<T>
        }
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onFrame = resolve
      await promise
    }
  }

  /** What comes until everything sent so far has taken effect, pong left out. */
  async settle(): Promise<ServerFrame[]> {
    const from = this.#taken
    this.send({ op: 'ping' })
    await this.next('pong')
    return this.frames.slice(from, this.#taken - 1)
  }

  /** Subscribes and waits until that has taken effect. */
  async subscribe(
    frame: Omit<SubscribeFrame, 'op'> | Omit<SubscribeMessagesFrame, 'op'>,
  ): Promise<ServerFrame[]> {
    this.send({ op: 'subscribe', ...frame } as ClientFrame)
    return this.settle()
  }

  close(): void {
    this.#socket.terminate()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** A client that can stop reading: bytes stay in the kernel, then in the server. */
export async function rawClient(port: number, ...frames: ClientFrame[]): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  socket.write(
    `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  )
  for (const frame of frames) socket.write(masked(JSON.stringify(frame)))
  await new Promise<void>(resolve => {
    const wait = (chunk: Buffer): void => {
      if (!chunk.includes('"op":"result"')) return
      socket.off('data', wait)
      resolve()
    }
    socket.on('data', wait)
  })
  return socket
}

/** A text frame of less than 64 KiB, masked with zeros. */
function masked(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0xfe, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}

export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
