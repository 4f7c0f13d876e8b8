/**
 * For tests: a machine of its own to run clients on, which can be lost without a word. It is a network namespace on a
 * cable of its own; pulled, nothing comes from there any more, neither FIN nor RST. Linux, and the right to do so.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

export class FarMachine {
  /** Of this end of the cable; listen there. */
  readonly nearAddress: string
  readonly #name: string
  readonly #nearLink: string
  readonly #farLink: string

  /** Null: the machine forbids it. */
  static attach(): FarMachine | null {
    const machine = new FarMachine()
    if (machine.#attach()) return machine
    machine.remove()
    return null
  }

  private constructor() {
    const number = process.pid % 60_000
    this.#name = `far-${number}`
    this.#nearLink = `far${number}a`
    this.#farLink = `far${number}b`
    // RFC 2544: for tests between machines, and nobody's network.
    this.nearAddress = `198.18.${number >> 8}.${(number & 0xfe) | 1}`
  }

  #attach(): boolean {
    const farAddress = this.nearAddress.replace(/\d+$/, last => String(Number(last) - 1))
    return (
      ip('netns', 'add', this.#name) &&
      ip('link', 'add', this.#nearLink, 'type', 'veth', 'peer', 'name', this.#farLink, 'netns', this.#name) &&
      ip('address', 'add', `${this.nearAddress}/31`, 'dev', this.#nearLink) &&
      ip('link', 'set', this.#nearLink, 'up') &&
      ip('-n', this.#name, 'address', 'add', `${farAddress}/31`, 'dev', this.#farLink) &&
      ip('-n', this.#name, 'link', 'set', this.#farLink, 'up')
    )
  }

  /** A program that runs there; its standard output is read here. */
  run(program: string, ...words: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.#name, process.execPath, program, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  pullTheCable(): void {
    if (!ip('-n', this.#name, 'link', 'set', this.#farLink, 'down')) throw new Error('the cable is stuck')
  }

  /** The programs end first. */
  remove(): void {
    ip('link', 'delete', this.#nearLink)
    ip('netns', 'delete', this.#name)
  }
}

function ip(...words: string[]): boolean {
  return spawnSync('ip', words, { stdio: 'ignore' }).status === 0
}
