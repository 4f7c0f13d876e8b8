import { connect } from 'node:net'
import { afterEach, beforeEach, it } from 'vitest'
import { startBroker, type TestBroker } from '../../broker/fixture.ts'
import { type Directory, newDirectory } from '../../broker/persistence/fixture.ts'
import { makeAuthority, makeServer } from './fixture.ts'

let directory: Directory
let house: TestBroker
beforeEach(async () => {
  directory = newDirectory()
  const { certificate: cert, key } = await makeServer(await makeAuthority())
  // Longer than the test may take.
  const patienceMs = 600_000
  house = await startBroker({
    directory: directory.path,
    limits: { connectTimeoutMs: patienceMs },
    listener: { tls: { options: { cert, key, handshakeTimeout: patienceMs }, serve: () => undefined } },
  })
})
afterEach(async () => {
  await house.close()
  directory.remove()
})

it('strangers who begin a handshake and go no further hold up nobody’s login', async () => {
  const { guard } = house.broker
  const enter = guard.waitForTurn.bind(guard)
  // More than there are turns at once: all of them have theirs, though none gives it back.
  const count = 300
  let begun = 0
  const { promise: allBegun, resolve } = Promise.withResolvers<void>()
  guard.waitForTurn = begin =>
    enter(() => {
      const isThere = begin()
      if (isThere && ++begun === count) resolve()
      return isThere
    })
  const strangers = Array.from({ length: count }, () => connect(house.port, '127.0.0.1'))
  for (const socket of strangers) {
    socket.on('error', () => undefined)
    // The first byte of a ClientHello.
    socket.write(Uint8Array.of(0x16))
  }
  await allBegun
  for (const socket of strangers) socket.destroy()
})
