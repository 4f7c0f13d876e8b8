import { connect as connectTcp, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { eventually } from '../trestle.ts'
import { Story } from './story.ts'

let story: Story | null = null
const strangers: Socket[] = []
afterEach(async () => {
  for (const socket of strangers.splice(0)) socket.destroy()
  await story?.end()
  story = null
})

it('strangers who take all descriptors that they can get hold up no device, and nothing is lost; then there is room again', async () => {
  story = await Story.begin({ TRESTLE_SPOOL__SEGMENT_BYTES: '256KiB' }, undefined, { openFiles: 256 })
  const { trestle } = story
  const load = story.send({ connections: 3, readings: 1_000_000, window: 50 })
  await eventually(
    async () => load.acked.size,
    acked => acked > 100,
  )
  for (const port of [trestle.mqtt, trestle.http]) await crowd(port, 300)
  expect(strangers.filter(({ closed }) => !closed).length).toBeLessThan(256)
  // Segments come and go meanwhile, the store opens its files, and so does a start after a crash.
  const before = load.acked.size
  await eventually(
    async () => load.acked.size,
    acked => acked > before + 5000,
  )
  expect(load.disconnects).toBe(0)

  for (const socket of strangers.splice(0)) socket.destroy()
  const metrics = await eventually(
    () =>
      fetch(`${trestle.url}/metrics`)
        .then(answer => answer.text())
        .catch(() => ''),
    text => text !== '',
  )
  for (const name of ['mqtt_connections_refused_total', 'http_connections_refused_total'])
    expect(refused(metrics, name), name).toBeGreaterThan(100)
  const report = await story.check()
  expect(report).toMatchObject({ lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } })
  expect(trestle.stderr()).not.toMatch(/EMFILE/)
}, 60_000)

/** So many connections that say nothing; resolves when each is let in or turned away. */
async function crowd(port: number, count: number): Promise<void> {
  const settled = Array.from({ length: count }, () => {
    const socket = connectTcp(port, '127.0.0.1')
    strangers.push(socket)
    socket.on('error', () => undefined)
    socket.resume()
    return new Promise<void>(resolve => {
      socket.once('close', () => resolve())
      socket.once('connect', () => setTimeout(resolve, 300))
    })
  })
  await Promise.all(settled)
}

function refused(metrics: string, name: string): number {
  const values = [...metrics.matchAll(new RegExp(`^trestle_${name}(?:\\{.*\\})? (\\d+)`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}
