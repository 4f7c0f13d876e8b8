import { setImmediate } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import type { Connection } from '../guard/speaker.ts'
import { Output } from './output.ts'

const PING_RESPONSE = Buffer.from([0xd0, 0])

/** Takes what is written a moment later, as over TLS and WebSocket, or not at all. */
let isReading: boolean
let unsentBytes: number
let pauses: number
let output: Output
beforeEach(() => {
  isReading = true
  unsentBytes = 0
  pauses = 0
  output = new Output({
    get unsentBytes() {
      return unsentBytes
    },
    write(bytes: Uint8Array) {
      unsentBytes += bytes.length
      if (isReading) queueMicrotask(() => (unsentBytes -= bytes.length))
      return true
    },
    pauseUntilDrained: () => void pauses++,
  } as unknown as Connection)
})

it('a client that reads its answers has none left, however many it had in all', async () => {
  for (let i = 0; i < 10_000; i++) {
    output.answer(PING_RESPONSE)
    output.batchEnd()
    await Promise.resolve()
  }
  expect(output.leavesAnswers).toBe(false)
  expect(pauses).toBe(0)
})

it('one that does not read them is not read from', async () => {
  isReading = false
  for (let i = 0; i < 10_000; i++) output.answer(PING_RESPONSE)
  output.batchEnd()
  expect(output.leavesAnswers).toBe(true)
  expect(pauses).toBe(1)
  output.drained()
  expect(output.leavesAnswers).toBe(false)
})

it('what is written in one turn goes out together, and nothing after it is closed', async () => {
  isReading = false
  output.write(Buffer.from('a'))
  output.write(Buffer.from('b'))
  expect(output.unsentBytes).toBe(2)
  await setImmediate()
  expect(unsentBytes).toBe(2)
  output.write(Buffer.from('c'))
  output.close()
  output.write(Buffer.from('d'))
  await setImmediate()
  expect(unsentBytes).toBe(2)
})
