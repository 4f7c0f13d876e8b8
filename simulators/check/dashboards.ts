/**
 * Dashboards in numbers: live connections that each watch one room of a fleet (or everything) and count what they
 * are shown.
 */

import { WebSocket } from 'ws'
import { LIVE_PROTOCOL, type ServerFrame } from '../../bridge/live/protocol.ts'
import type { Api } from './api.ts'
import { untilStill } from './patience.ts'

export interface DashboardCounts {
  open: number
  readings: number
  /** Field values that the server left out, as it said. */
  skipped: number
  gaps: number
  closed: number
}

export interface DashboardFindings extends DashboardCounts {
  /** Readings, of all dashboards together. */
  readonly expected: number
  readonly ok: boolean
}

/** Connections being opened at once. */
const OPENING = 100
const TIMEOUT_MS = 30_000

export class Dashboards {
  readonly counts: DashboardCounts = { open: 0, readings: 0, skipped: 0, gaps: 0, closed: 0 }
  /** Which room each of them watches. */
  readonly #rooms: readonly string[]
  readonly #api: Api
  readonly #sockets: WebSocket[] = []
  #isClosing = false

  constructor(api: Api, rooms: readonly string[]) {
    this.#api = api
    this.#rooms = rooms
  }

  async open(): Promise<void> {
    const waiting = [...this.#rooms]
    const workers = Array.from({ length: OPENING }, async () => {
      for (let room = waiting.pop(); room !== undefined; room = waiting.pop()) await this.#openOne(room)
    })
    await Promise.all(workers)
  }

  /** Waits for what is on its way. Ok: every dashboard that stayed open was shown all, or told what was left out. */
  async finish(sentByRoom: (room: string) => number, patienceMs: number): Promise<DashboardFindings | null> {
    if (this.#rooms.length === 0) return null
    const { counts } = this
    const expected = this.#rooms.reduce((sum, room) => sum + sentByRoom(room), 0)
    await untilStill(
      () => counts.readings >= expected,
      () => counts.readings,
      patienceMs,
    )
    const wasTold = counts.skipped > 0 || counts.gaps > 0
    return { ...counts, expected, ok: counts.closed === 0 && (counts.readings === expected || wasTold) }
  }

  close(): void {
    this.#isClosing = true
    for (const socket of this.#sockets) socket.close(1000)
  }

  #openOne(room: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const url = new URL(this.#api.liveUrl)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(url, [LIVE_PROTOCOL], { perMessageDeflate: false })
    this.#sockets.push(socket)
    const timer = setTimeout(() => reject(new Error(`no live connection to ${url}`)), TIMEOUT_MS)
    socket.on('open', () => {
      const { token } = this.#api
      if (token !== undefined) socket.send(JSON.stringify({ op: 'auth', token }))
      socket.send(JSON.stringify({ op: 'subscribe', id: 1, topics: [`home/${room}/#`], snapshot: false }))
    })
    socket.on('message', data => {
      const frame = JSON.parse(data.toString()) as ServerFrame
      if (frame.op === 'readings') {
        this.counts.readings += frame.readings.length
        this.counts.skipped += frame.skipped
      } else if (frame.op === 'gap') this.counts.gaps++
      else if (frame.op === 'result') {
        this.counts.open++
        resolve()
      }
    })
    socket.on('error', reject)
    socket.on('close', (code, reason) => {
      if (!this.#isClosing) this.counts.closed++
      reject(new Error(`a dashboard was closed: ${code} ${reason.toString()}`))
    })
    return promise.finally(() => clearTimeout(timer))
  }
}
