/**
 * A device that sleeps while the bridge dies and comes back: what was acknowledged to others meanwhile has to wait for it,
 * and the retained message that it finds is the last that was acknowledged, or a later one.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { connect } from '../load.ts'
import { eventually } from '../trestle.ts'

const COMMANDS = 'home/witness/lock/set'
const RETAINED = 'home/witness/mode'
const EVERY_MS = 20

export interface WitnessReport {
  readonly commands: number
  /** Acknowledged, and not there when the device woke up. */
  readonly commandsLost: number
  readonly commandsInvented: number
  readonly retainedIsOld: boolean
}

export class SleepingWitness {
  readonly #port: number
  readonly #sender: MqttClient
  readonly #acked: number[] = []
  #sent = 0
  #retainedAcked = 0
  #isStopping = false
  readonly #ended: Promise<void>

  private constructor(port: number) {
    this.#port = port
    this.#sender = connect(port, { clientId: 'witness-sender', reconnectPeriod: 100 })
    this.#ended = this.#send()
  }

  /** Makes the session that sleeps, and begins to send to it. */
  static async begin(port: number): Promise<SleepingWitness> {
    const device = connect(port, { clientId: 'witness', clean: false })
    await device.subscribeAsync(COMMANDS, { qos: 1 })
    await device.endAsync()
    return new SleepingWitness(port)
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      const number = ++this.#sent
      const text = String(number)
      this.#sender.publish(COMMANDS, text, { qos: 1 }, error => {
        if (!error) this.#acked.push(number)
      })
      this.#sender.publish(RETAINED, text, { qos: 1, retain: true }, error => {
        if (!error) this.#retainedAcked = Math.max(this.#retainedAcked, number)
      })
      await sleep(EVERY_MS)
    }
  }

  /** Wakes the device up. */
  async check(): Promise<WitnessReport> {
    await this.stop()
    const heard = new Set<number>()
    let retained = 0
    const device = connect(this.#port, { clientId: 'witness', clean: false })
    device.on('message', (topic, payload) => {
      const number = Number(payload.toString())
      if (topic === COMMANDS) heard.add(number)
      else retained = number
    })
    await device.subscribeAsync(RETAINED, { qos: 1 })
    const lost = () => this.#acked.filter(number => !heard.has(number)).length
    await eventually(
      async () => retained > 0 && lost() === 0,
      isThere => isThere,
    ).catch(() => undefined)
    await device.endAsync()
    return {
      commands: this.#acked.length,
      commandsLost: lost(),
      commandsInvented: [...heard].filter(number => number > this.#sent).length,
      retainedIsOld: retained < this.#retainedAcked,
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#ended
    await this.#sender.endAsync(true).catch(() => undefined)
  }
}

export const NOTHING_FORGOTTEN = { commandsLost: 0, commandsInvented: 0, retainedIsOld: false }
