/** The answer to whoever asks for a WebSocket and gets none: the socket is ours by then, not the server's. */

import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * `headers`: lines, each with its end. The socket goes at once: the other side may keep its end open for ever, and
 * nobody counts these.
 */
export function refuseUpgrade(socket: Duplex, status: number, headers = ''): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n${headers}\r\n`,
  )
}
