/**
 * Peers that are gone without a word, where they cannot be asked: an EventSource does not answer, and what is written to
 * it goes to the kernel, which sends it again and again for a quarter of an hour. The kernel of Linux tells how often;
 * elsewhere such a peer is noticed when its buffer is full, or by the kernel's own patience.
 */

import { readlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

/** With a heartbeat every 15 s a dead peer is gone in 35. */
const LOOK_MS = 8000
/** Sent again, or asked, so often without a word of the other side: for three seconds at least. */
const MANY = 4

interface Watched {
  readonly onDead: () => void
  /** The last look found it silent, too. */
  isSuspect: boolean
}

class SilentPeers {
  readonly #watched = new Map<string, Watched>()
  #looks: NodeJS.Timeout | null = null

  /** Calls back once when nothing has come from the other side's kernel for long. Ends with the socket. */
  watch(socket: Socket, onDead: () => void): void {
    const inode = inodeOf(socket)
    if (inode === null) return
    this.#watched.set(inode, { onDead, isSuspect: false })
    this.#looks ??= setInterval(() => void this.#look(), LOOK_MS).unref()
    socket.once('close', () => this.#forget(inode))
  }

  #forget(inode: string): void {
    this.#watched.delete(inode)
    if (this.#watched.size > 0 || this.#looks === null) return
    clearInterval(this.#looks)
    this.#looks = null
  }

  async #look(): Promise<void> {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map(name => readFile(`/proc/self/net/${name}`, 'latin1')),
    )
    for (const table of tables) {
      for (const { inode, unanswered } of readTable(table)) {
        const peer = this.#watched.get(inode)
        if (peer === undefined) continue
        const isSilent = unanswered >= MANY
        if (isSilent && peer.isSuspect) peer.onDead()
        peer.isSuspect = isSilent
      }
    }
  }
}

export const silentPeers = new SilentPeers()

/** Null where the system does not tell. */
function inodeOf(socket: Socket): string | null {
  const number = (socket as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  if (process.platform !== 'linux' || number < 0) return null
  const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${number}`)) ?? []
  return inode ?? null
}

/**
 * Of `/proc/net/tcp` (proc(5)): the socket's inode, and how often the other side did not answer, to what was sent again
 * (hexadecimal) or to a question whether it has room.
 */
export function* readTable(table: string): Iterable<{ readonly inode: string; readonly unanswered: number }> {
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/)
    const [resent = '', , probes = '', inode = ''] = columns.slice(6)
    if (/^\d+$/.test(inode))
      yield { inode, unanswered: Math.max(Number.parseInt(resent, 16), Number(probes)) }
  }
}
