/**
 * Plays a simulation to a broker in real time, with one MQTT connection per client id as real devices have them:
 * last will, greeting at each connection, commands, reconnection with back-off. A device that tells its own time
 * keeps what it measured while offline (within bounds) and sends it later; the others lose it, as they do.
 */

import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { Outgoing, Simulation } from './simulation.ts'

/** Back-off of a device that finds no broker: doubling from the first to the last, and by chance half of it. */
const FIRST_DELAY_MS = 500
const LAST_DELAY_MS = 30_000
/** What one device keeps while offline; the oldest goes first. */
const MAX_KEPT = 500
/** Time for last words at the end. */
const GOODBYE_MS = 2000

export interface StationOptions {
  readonly url: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly qos?: 0 | 1 | 2
  readonly mqtt?: IClientOptions
  readonly watcher?: Watcher
}

/** Who is told what happens to each message. */
export interface Watcher {
  onSent?(message: Outgoing): void
  onAcknowledged?(message: Outgoing): void
  onLost?(message: Outgoing): void
}

interface Line {
  readonly client: string
  readonly mqtt: MqttClient
  kept: Outgoing[]
  attempts: number
  hasGreeted: boolean
}

export class Station {
  readonly counts = { sent: 0, acknowledged: 0, lost: 0, connected: 0 }
  readonly #simulation: Simulation
  readonly #options: StationOptions
  readonly #lines = new Map<string, Line>()
  readonly #firstWords = new Map<string, Outgoing[]>()
  /** Real time minus simulated time. */
  readonly #offsetMs: number
  #timer: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(simulation: Simulation, options: StationOptions) {
    this.#simulation = simulation
    this.#options = options
    this.#offsetMs = Date.now() - simulation.startMs
    for (const client of simulation.clients) {
      // Drawn now, in a fixed order: which connection comes up first must not change what is said.
      this.#firstWords.set(client, simulation.greetings(client, simulation.startMs))
    }
    for (const client of simulation.clients) this.#lines.set(client, this.#open(client))
    this.#wait()
  }

  /** Ends orderly: says what is due no more, waits for acknowledgements, disconnects. */
  async stop(): Promise<void> {
    if (this.#isStopping) return
    this.#isStopping = true
    clearTimeout(this.#timer)
    await Promise.all([...this.#lines.values()].map(line => goodbye(line)))
  }

  get #nowMs(): number {
    return Date.now() - this.#offsetMs
  }

  #open(client: string): Line {
    const { url, username, password } = this.#options
    const [device] = this.#simulation.devicesOf(client)
    const will = device?.shape.will
    const mqtt = connect(url, {
      clientId: client,
      clean: true,
      queueQoSZero: false,
      reconnectPeriod: FIRST_DELAY_MS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will === undefined
        ? {}
        : {
            will: { topic: will.topic, payload: bytes(will.payload), qos: 1, retain: will.retain ?? false },
          }),
      ...this.#options.mqtt,
    })
    const line: Line = { client, mqtt, kept: [], attempts: 0, hasGreeted: false }
    mqtt.on('connect', () => this.#greet(line))
    mqtt.on('close', () => {
      const delayMs = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** line.attempts++)
      mqtt.options.reconnectPeriod = delayMs * (0.5 + Math.random() / 2)
    })
    // Refused connections are tried again, as devices do; who watches sees that nobody is connected.
    mqtt.on('error', () => undefined)
    mqtt.on('message', (topic, payload) => {
      this.#say(this.#simulation.receive(client, topic, payload.toString(), this.#nowMs))
    })
    return line
  }

  #greet(line: Line): void {
    line.attempts = 0
    const filters = new Set(this.#simulation.devicesOf(line.client).flatMap(device => device.shape.listens))
    line.mqtt.subscribe([...filters], { qos: 1 })
    const first = this.#firstWords.get(line.client)
    this.#firstWords.delete(line.client)
    this.#say(first ?? this.#simulation.greetings(line.client, this.#nowMs))
    const { kept } = line
    line.kept = []
    this.#say(kept)
  }

  #wait(): void {
    const delayMs = Math.max(5, this.#simulation.nextMs - this.#nowMs)
    this.#timer = setTimeout(() => {
      this.#say(this.#simulation.advance(this.#nowMs))
      this.#wait()
    }, delayMs)
  }

  #say(messages: readonly Outgoing[]): void {
    for (const message of messages) {
      const line = this.#lines.get(message.client)!
      if (line.mqtt.connected) this.#publish(line, message)
      else this.#keep(line, message)
    }
  }

  #publish(line: Line, message: Outgoing): void {
    this.counts.sent++
    this.#options.watcher?.onSent?.(message)
    const qos = message.qos ?? this.#options.qos ?? 1
    line.mqtt.publish(
      message.topic,
      bytes(message.payload),
      { qos, retain: message.retain ?? false },
      error => {
        if (error) return
        this.counts.acknowledged++
        this.#options.watcher?.onAcknowledged?.(message)
      },
    )
  }

  #keep(line: Line, message: Outgoing): void {
    const [device] = this.#simulation.devicesOf(line.client)
    if (device?.shape.keepsOffline === true && message.kind === 'reading') {
      line.kept.push(message)
      if (line.kept.length <= MAX_KEPT) return
      line.kept.shift()
    }
    this.counts.lost++
    this.#options.watcher?.onLost?.(message)
  }
}

async function goodbye({ mqtt }: Line): Promise<void> {
  const deadline = AbortSignal.timeout(GOODBYE_MS)
  await new Promise<void>(resolve => {
    deadline.addEventListener('abort', () => mqtt.end(true, () => resolve()), { once: true })
    if (mqtt.connected) mqtt.end(false, () => resolve())
    else mqtt.end(true, () => resolve())
  })
}

function bytes(payload: string | Uint8Array): Buffer {
  return typeof payload === 'string'
    ? Buffer.from(payload)
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}
