/**
 * Plays a simulation to a broker in real time, with one MQTT connection per client id as real devices have them:
 * last will, greeting at each connection, commands, reconnection with back-off. A device that tells its own time
 * keeps what it measured while offline (within bounds) and sends it later; the others lose it, as they do.
 */

import { type IClientOptions, MqttClient } from 'mqtt'
import type { Publication } from './device.ts'
import type { MessageFaults } from './faults/message-faults.ts'
import { SlowLink } from './faults/slow-link.ts'
import type { Outgoing, Simulation } from './simulation.ts'
import { sleep } from './sleep.ts'
import { openStream, type Target } from './target.ts'

/** Back-off of a device that finds no broker: doubling from the first to the last, and by chance half of it. */
const FIRST_DELAY_MS = 500
const LAST_DELAY_MS = 30_000
/** What one device keeps while offline; the oldest goes first. */
const MAX_KEPT = 500
/** Time for last words at the end. */
const GOODBYE_MS = 2000

export interface StationOptions {
  readonly target: Target
  readonly qos?: 0 | 1 | 2 | undefined
  readonly clientIdPrefix?: string | undefined
  readonly faults?: MessageFaults | undefined
  /** Bytes a second, for that part of the connections. */
  readonly slowLink?: { readonly bytesPerS: number; readonly part: number } | undefined
  readonly watcher?: StationWatcher | undefined
}

/** Who is told what happens to each message; a message repeated by a fault is told once. */
export interface StationWatcher {
  onSent(message: Outgoing): void
  onAcknowledged(message: Outgoing): void
}

export interface StationStats {
  /** Readings, with those that a fault has spoilt counted apart. */
  sent: number
  acknowledged: number
  spoilt: number
  omitted: number
  /** Discovery, availability, announcements. */
  metadata: number
  /** Measured while offline by a device that keeps nothing. */
  unsaid: number
  commands: number
  reconnects: number
}

interface Line {
  readonly client: string
  readonly mqtt: MqttClient
  readonly will: Publication | undefined
  kept: Outgoing[]
  /** Waits for the next message of its topic to overtake it. */
  readonly held: Map<string, Outgoing>
  attempts: number
}

export class Station {
  readonly stats: StationStats = {
    sent: 0,
    acknowledged: 0,
    spoilt: 0,
    omitted: 0,
    metadata: 0,
    unsaid: 0,
    commands: 0,
    reconnects: 0,
  }
  readonly #simulation: Simulation
  readonly #options: StationOptions
  readonly #lines = new Map<string, Line>()
  readonly #firstWords = new Map<string, Outgoing[]>()
  /** Real time minus simulated time. */
  readonly #offsetMs: number
  #timer: NodeJS.Timeout | undefined
  #isSilent = false

  constructor(simulation: Simulation, options: StationOptions) {
    this.#simulation = simulation
    this.#options = options
    this.#offsetMs = Date.now() - simulation.startMs
    const { clients } = simulation
    // Drawn now, in a fixed order: which connection comes up first must not change what is said.
    for (const client of clients)
      this.#firstWords.set(client, simulation.greetings(client, simulation.startMs))
    for (const [nth, client] of clients.entries())
      this.#lines.set(client, this.#open(client, nth / clients.length))
    this.#wait()
  }

  get links(): number {
    return this.#lines.size
  }

  get connected(): number {
    return [...this.#lines.values()].filter(line => line.mqtt.connected).length
  }

  cut(link: number): void {
    const line = [...this.#lines.values()][link]
    line?.mqtt.stream.destroy()
  }

  /** Sent, but not acknowledged. */
  get pending(): number {
    return this.stats.sent - this.stats.acknowledged
  }

  /** Measures nothing any more; what is on its way goes on. */
  silence(): void {
    this.#isSilent = true
    clearTimeout(this.#timer)
    for (const line of this.#lines.values()) {
      for (const message of line.held.values()) this.#send(line, message, message.payload, true)
      line.held.clear()
    }
  }

  /** Ends in good order: waits for acknowledgements, disconnects. */
  async stop(): Promise<void> {
    this.silence()
    await Promise.all([...this.#lines.values()].map(goodbye))
  }

  get #nowMs(): number {
    return Date.now() - this.#offsetMs
  }

  #open(client: string, position: number): Line {
    const { target, clientIdPrefix = '', slowLink } = this.#options
    const [device] = this.#simulation.devicesOf(client)
    const will = device?.shape.will
    const isSlow = slowLink !== undefined && position < slowLink.part
    const open = () => {
      const stream = openStream(target)
      return isSlow ? new SlowLink(stream, slowLink.bytesPerS) : stream
    }
    const settings: IClientOptions = {
      clientId: clientIdPrefix + client,
      clean: true,
      queueQoSZero: false,
      resubscribe: false,
      reconnectPeriod: FIRST_DELAY_MS,
      reconnectOnConnackError: true,
      ...(target.username === undefined ? {} : { username: target.username }),
      ...(target.password === undefined ? {} : { password: target.password }),
      ...(will === undefined
        ? {}
        : {
            will: { topic: will.topic, payload: bytes(will.payload), qos: 1, retain: will.retain ?? false },
          }),
    }
    const mqtt = new MqttClient(open, settings)
    const line: Line = { client, mqtt, will, kept: [], held: new Map(), attempts: 0 }
    mqtt.on('connect', () => this.#greet(line))
    mqtt.on('close', () => {
      this.stats.reconnects++
      const delayMs = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** line.attempts++)
      mqtt.options.reconnectPeriod = delayMs * (0.5 + Math.random() / 2)
    })
    // Refused connections are tried again, as devices do; who watches sees that nobody is connected.
    mqtt.on('error', () => undefined)
    mqtt.on('message', (topic, payload) => {
      if (this.#isSilent) return
      this.stats.commands++
      this.#say(this.#simulation.receive(client, topic, payload, this.#nowMs))
    })
    return line
  }

  #greet(line: Line): void {
    line.attempts = 0
    const filters = new Set(this.#simulation.devicesOf(line.client).flatMap(device => device.shape.listens))
    if (filters.size > 0) line.mqtt.subscribe([...filters], { qos: 1 })
    if (this.#isSilent) return
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
      if (!line.mqtt.connected) this.#keep(line, message)
      else if (message.kind === 'reading') this.#sayReading(line, message)
      else {
        this.stats.metadata++
        this.#publish(line, message, message.payload)
      }
    }
  }

  #sayReading(line: Line, message: Outgoing): void {
    const fate = this.#options.faults?.befall(message.payload)
    if (fate?.kind === 'omitted') {
      this.stats.omitted++
      return
    }
    const payload = fate?.payload ?? message.payload
    const earlier = line.held.get(message.topic)
    if (fate?.isHeld === true && earlier === undefined) {
      line.held.set(message.topic, message)
      return
    }
    line.held.delete(message.topic)
    this.#send(line, message, payload, fate?.isReading ?? true)
    if (earlier !== undefined) this.#send(line, earlier, earlier.payload, true)
    if (fate?.isRepeated === true) this.#publish(line, message, payload)
  }

  #send(line: Line, message: Outgoing, payload: string | Uint8Array, isReading: boolean): void {
    if (!isReading) {
      this.stats.spoilt++
      this.#publish(line, message, payload)
      return
    }
    this.stats.sent++
    this.#options.watcher?.onSent(message)
    this.#publish(line, message, payload, () => {
      this.stats.acknowledged++
      this.#options.watcher?.onAcknowledged(message)
    })
  }

  #publish(line: Line, message: Outgoing, payload: string | Uint8Array, onAcknowledged?: () => void): void {
    const qos = message.qos ?? this.#options.qos ?? 1
    const { topic, retain = false } = message
    line.mqtt.publish(topic, bytes(payload), { qos, retain }, error => {
      if (!error) onAcknowledged?.()
    })
  }

  #keep(line: Line, message: Outgoing): void {
    if (message.kind === 'metadata') return
    const [device] = this.#simulation.devicesOf(line.client)
    if (device?.shape.keepsOffline === true) {
      line.kept.push(message)
      if (line.kept.length <= MAX_KEPT) return
      line.kept.shift()
    }
    this.stats.unsaid++
  }
}

/** A device that is switched off says so itself, where its last will would have. */
async function goodbye({ mqtt, will }: Line): Promise<void> {
  if (!mqtt.connected) {
    await mqtt.endAsync(true)
    return
  }
  if (will !== undefined)
    mqtt.publish(will.topic, bytes(will.payload), { qos: 1, retain: will.retain ?? false })
  const ended = new AbortController()
  mqtt.end(false, () => ended.abort())
  await sleep(GOODBYE_MS, ended.signal)
  // What a slow link has not carried by now, it does not carry.
  mqtt.stream.destroy()
}

function bytes(payload: string | Uint8Array): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload)
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}
