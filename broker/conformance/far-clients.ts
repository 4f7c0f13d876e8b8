/**
 * The clients of a far machine, in a process there: each has a will and a keep-alive, and pings long before that is over.
 * Says `ready` once they are all in.
 *
 *   node broker/conformance/far-clients.ts <host> <port> <count> <keep-alive, s> <topic>
 */

import { connect as dial } from 'node:net'
import { connect, PINGREQ } from './packets.ts'
import { Wire } from './wire.ts'

const [host = '', port, count, keepAliveS, topic = ''] = process.argv.slice(2)

const wires: Wire[] = []
for (let i = 0; i < Number(count); i++) {
  const wire = new Wire(dial({ host, port: Number(port), noDelay: true }))
  const will = { topic: `${topic}/${i}`, payload: 'gone', qos: i % 3 }
  wire.send(connect({ clientId: `${topic}-${i}`, clean: i % 2 === 0, keepAlive: Number(keepAliveS), will }))
  if ((await wire.next('connack')).code !== 0) throw new Error(`client ${i} was refused`)
  // Half of them are being sent to, and acknowledge nothing any more.
  if (i % 4 < 2) await wire.subscribe(`news/${topic}`, 1)
  wires.push(wire)
}
setInterval(() => {
  for (const wire of wires) wire.send(PINGREQ)
}, 500)
process.stdout.write('ready\n')
