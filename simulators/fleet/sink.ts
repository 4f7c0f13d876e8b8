/**
 * A broker that does nothing but acknowledge, to see what a fleet can do by itself:
 *
 *   node simulators/fleet/sink.ts 1884 &
 *   npm run simulate -- fleet -p 1884 --devices 1000 --rate max --seconds 10
 */

import { type AddressInfo, createServer, type Server } from 'node:net'

export function startSink(port = 0): Promise<Server> {
  const server = createServer(socket => {
    let rest: Buffer | null = null
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', chunk => {
      const bytes = rest === null ? chunk : Buffer.concat([rest, chunk])
      const [answer, end] = answers(bytes)
      rest = end < bytes.length ? bytes.subarray(end) : null
      if (answer !== '') socket.write(answer, 'latin1')
    })
  })
  return new Promise(resolve => server.listen(port, '127.0.0.1', 4096, () => resolve(server)))
}

/** What to say to the whole packets at the front, and where they end. */
function answers(bytes: Buffer): [answer: string, end: number] {
  let answer = ''
  let at = 0
  while (at + 2 <= bytes.length) {
    let length = 0
    let body = at + 1
    for (let shift = 0; body < bytes.length; shift += 7) {
      const byte = bytes[body++]!
      length |= (byte & 127) << shift
      if (byte < 128) break
    }
    if (body + length > bytes.length) break
    const type = bytes[at]! >> 4
    if (type === 1) answer += '\x20\x02\x00\x00'
    else if (type === 12) answer += '\xd0\x00'
    else if (type === 3 && (bytes[at]! & 2) !== 0) {
      const id = body + 2 + bytes.readUInt16BE(body)
      answer += `\x40\x02${String.fromCharCode(bytes[id]!, bytes[id + 1]!)}`
    }
    at = body + length
  }
  return [answer, at]
}

if (import.meta.main) {
  const server = await startSink(Number(process.argv[2] ?? 1884))
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
}
