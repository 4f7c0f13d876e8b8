import { expect, it } from 'vitest'
import { type Caller, Lane } from './lane.ts'

const ANYBODY: Caller = { way: 'page', address: '192.0.2.5' }

/** A lane whose first piece of work ends when told to, and what became of the others. */
function blocked(maxWaiting: number) {
  const lane = new Lane(maxWaiting)
  const { promise, resolve } = Promise.withResolvers<void>()
  const done: string[] = []
  const given: string[] = []
  const first = lane.run(() => promise, ANYBODY)
  const ask = async (name: string, address = '192.0.2.5', way: Caller['way'] = 'page') => {
    const result = await lane.run(async () => name, { way, address })
    if (result === null) given.push(name)
    else done.push(result)
  }
  return { lane, ask, done, given, first, go: resolve }
}

it('does one thing at a time, in the order of the calls, also after one that fails', async () => {
  const { lane, ask, done, go } = blocked(10)
  const failing = lane.run(() => Promise.reject(new Error('no')), ANYBODY)
  const others = ['a', 'b', 'c'].map(name => ask(name))
  await Promise.resolve()
  expect(done).toEqual([])
  go()
  await expect(failing).rejects.toThrow('no')
  await Promise.all(others)
  expect(done).toEqual(['a', 'b', 'c'])
  expect(await lane.run(async () => 'again', ANYBODY)).toBe('again')
})

it('a flood from one address, or one network of many, waits for itself: another has its turn', async () => {
  for (const floods of [
    () => '192.0.2.9',
    (i: number) => `2001:db8:0:7::${(i + 1).toString(16)}`,
    (i: number) => `2001:db8::7:${i.toString(16)}:1:1:1`,
  ]) {
    const { ask, done, given, first, go } = blocked(5)
    const flood = Array.from({ length: 50 }, (_, i) => ask(`flood ${i}`, floods(i)))
    const honest = ask('honest', '192.0.2.1')
    const neighbour = ask('neighbour', '2001:db8:0:8::1')
    const more = Array.from({ length: 50 }, (_, i) => ask(`flood ${50 + i}`, floods(50 + i)))
    go()
    await Promise.all([first, honest, neighbour, ...flood, ...more])
    expect(done).toContain('honest')
    expect(done).toContain('neighbour')
    expect([done.length, given.length]).toEqual([5, 97])
  }
})

it('within a network the address that asks most gives way', async () => {
  const { ask, done, first, go } = blocked(5)
  const flood = Array.from({ length: 50 }, (_, i) => ask(`flood ${i}`, '2001:db8::bad'))
  const honest = ask('honest', '2001:db8::1')
  go()
  await Promise.all([first, honest, ...flood])
  expect(done).toEqual(['flood 0', 'flood 1', 'flood 2', 'flood 3', 'honest'])
})

it('who comes by another way waits for one of the others, not for all of them', async () => {
  const { ask, done, given, first, go } = blocked(10)
  const devices = Array.from({ length: 50 }, (_, i) => ask(`device ${i}`, `192.0.2.${i}`, 'mqtt'))
  const people = [ask('ann', '198.51.100.1'), ask('ben', '198.51.100.2')]
  const more = Array.from({ length: 50 }, (_, i) => ask(`device ${50 + i}`, `192.0.2.${50 + i}`, 'mqtt'))
  go()
  await Promise.all([first, ...devices, ...people, ...more])
  expect(done.slice(0, 4)).toEqual(['device 0', 'ann', 'device 1', 'ben'])
  expect([done.length, given.length]).toEqual([10, 92])
  // Within a way it goes by the order of the calls.
  expect(done.slice(4)).toEqual(['device 2', 'device 3', 'device 4', 'device 5', 'device 6', 'device 7'])
})
