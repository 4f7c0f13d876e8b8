/** A link over WebSocket. */

import { ENDED, ENDED_ABNORMALLY, type Link, type LinkOptions } from './link.ts'
import { LIVE_PROTOCOL, type ServerFrame } from './protocol.ts'

export function openSocket({ url, token, onFrame, onEnd }: LinkOptions): Link {
  const address = new URL(url)
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(address, LIVE_PROTOCOL)
  let waiting: string[] = []
  let isEnded = false

  const end = (code: number, reason: string): void => {
    if (isEnded) return
    isEnded = true
    onEnd(code, reason)
  }
  socket.addEventListener('open', () => {
    if (token !== undefined) socket.send(JSON.stringify({ op: 'auth', token }))
    for (const text of waiting) socket.send(text)
    waiting = []
  })
  socket.addEventListener('message', event => {
    if (!isEnded) onFrame(JSON.parse(event.data as string) as ServerFrame)
  })
  socket.addEventListener('close', ({ code, reason }) => end(code, reason))
  socket.addEventListener('error', () => end(ENDED_ABNORMALLY, 'no connection'))

  return {
    send(frame) {
      const text = JSON.stringify(frame)
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
      else if (socket.readyState === WebSocket.CONNECTING) waiting.push(text)
    },
    close() {
      socket.close()
      // A dead peer's closing handshake takes minutes: to us it has ended now.
      end(ENDED, 'closed')
    },
  }
}
