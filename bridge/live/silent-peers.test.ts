import { once } from 'node:events'
import { readFileSync, readlinkSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { readTable } from './silent-peers.ts'

it('what the kernel tells of connections is read: which, and how often nobody answered', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0 100 0 0 10 0
   1: 0100007F:1F90 4D00007F:C350 01 00000003:00000000 01:0000062C 0000000B  1000        0 31338 2 0 20 4 30 10 -1
   2: 0100007F:1F90 4D00007F:A217 01 00000009:00000000 04:0000018B 00000000     0        5 31339 2 0 20 4 30 10 -1
`
  expect([...readTable(table)]).toEqual([
    { inode: '31337', unanswered: 0 },
    { inode: '31338', unanswered: 11 },
    { inode: '31339', unanswered: 5 },
  ])
})

it.skipIf(process.platform !== 'linux')(
  'this system tells of our connections, and of a living peer nothing bad',
  async () => {
    const server = createServer(socket => socket.end('x'.repeat(100_000))).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'readable')
    const number = (socket as Socket & { _handle: { fd: number } })._handle.fd
    const [, inode] = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${number}`))!
    const ours = [...readTable(readFileSync('/proc/self/net/tcp', 'latin1'))].find(row => row.inode === inode)
    expect(ours).toEqual({ inode, unanswered: 0 })
    socket.resume()
    await once(server.close(), 'close')
  },
)
