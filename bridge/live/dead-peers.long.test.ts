/** A peer that is gone without a word: its address is cut off from this machine. Needs the right to change routes. */

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { eventually } from '../test/trestle.ts'
import { startLive } from './fixture.ts'

const ADDRESS = '127.0.0.77'

function route(verb: 'add' | 'del'): boolean {
  return spawnSync('ip', ['route', verb, 'blackhole', ADDRESS, 'table', 'local']).status === 0
}

afterEach(() => void route('del'))

it('an event stream to nobody is noticed within 40 s', async context => {
  await using live = await startLive()
  const peer = connect({ port: live.port, host: '127.0.0.1', localAddress: ADDRESS })
  peer.write('GET /live/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  peer.on('error', () => undefined)
  await once(peer, 'data')
  expect(live.relay.stats.connections).toBe(1)
  if (!route('add')) {
    console.error('NOT TESTED: a dead event stream; routes cannot be changed here')
    peer.destroy()
    return context.skip('a peer cannot be cut off here')
  }
  const started = performance.now()
  await eventually(
    async () => live.relay.stats.connections,
    connections => connections === 0,
    60_000,
  )
  const seconds = (performance.now() - started) / 1000
  console.info(`a dead event stream was noticed after ${seconds.toFixed(1)} s`)
  expect(seconds).toBeLessThan(40)
  expect(live.relay.stats.closed.dead).toBe(1)
  peer.destroy()
}, 90_000)
