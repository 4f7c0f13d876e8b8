/** Devices that send numbered readings by QoS 1 and remember which were acknowledged. */

import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

export interface Load {
  /** `device seq` of every reading that was acknowledged. */
  readonly acked: Set<string>
  readonly sent: Set<string>
  /** Connections that ended before `stop`. */
  readonly disconnects: number
  /** Resolves when every reading is acknowledged, or when `stop` was called. */
  readonly done: Promise<void>
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** Readings each connection sends. */
  readonly readings: number
  /** Not acknowledged yet, at most, by connection. */
  readonly window?: number
  /** Sent by this process before, to go on where it stopped. */
  readonly startSeq?: number
  readonly clientPrefix?: string
}

/** Each reading is `{"seq": n, "ts": ms}` with a time of its own, so that the store can be asked for each. */
export function startLoad({
  port,
  connections,
  readings,
  window = 50,
  startSeq = 0,
  clientPrefix = 'load',
}: LoadOptions): Load {
  const acked = new Set<string>()
  const sent = new Set<string>()
  const clients: MqttClient[] = []
  let disconnects = 0
  const base = LOAD_BASE_MS
  const finished = Array.from({ length: connections }, (_, number) => {
    const device = `${clientPrefix}-${number}`
    const client = connect(port, { clientId: device, clean: false, reconnectPeriod: 100 })
    clients.push(client)
    let next = startSeq
    let waiting = 0
    /** Given back by the client, which had not sent them when its connection ended. */
    const again: number[] = []
    return new Promise<void>(resolve => {
      const hasMore = () => again.length > 0 || next < startSeq + readings
      const send = () => {
        while (!client.disconnecting && waiting < window && hasMore()) {
          const seq = again.pop() ?? next++
          const key = `${device} ${seq}`
          waiting++
          sent.add(key)
          client.publish(
            `home/room/${device}/state`,
            JSON.stringify({ seq, ts: base + seq }),
            { qos: 1 },
            error => {
              waiting--
              if (!error) acked.add(key)
              else again.push(seq)
              if (waiting === 0 && !hasMore()) resolve()
              // Not at once after an error: the client gives back what it is given while it closes.
              else if (error) setImmediate(send)
              else send()
            },
          )
        }
      }
      client.once('connect', send)
      client.on('close', () => {
        if (client.disconnecting) resolve()
        else disconnects++
      })
    })
  })
  return {
    acked,
    sent,
    get disconnects() {
      return disconnects
    },
    done: Promise.all(finished).then(() => undefined),
    async stop() {
      await Promise.all(clients.map(client => client.endAsync(true).catch(() => undefined)))
    },
  }
}

/** Where the times of the readings begin: a minute that every run has to itself, lately enough to be believed. */
export const LOAD_BASE_MS = Date.now() - 3_600_000

export function connect(port: number, options: IClientOptions = {}): MqttClient {
  const client = mqtt.connect({ host: '127.0.0.1', port, protocol: 'mqtt', protocolVersion: 4, ...options })
  // A broker that is killed on purpose: the client goes on trying.
  client.on('error', () => undefined)
  return client
}
