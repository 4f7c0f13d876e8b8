import { expect, it } from 'vitest'
import { Lane } from './lane.ts'

/** A lane whose first piece of work ends when told to, and what became of the others. */
function blocked(maxWaiting: number) {
  const lane = new Lane(maxWaiting)
  const { promise, resolve } = Promise.withResolvers<void>()
  const done: string[] = []
  const given: string[] = []
  const first = lane.run(() => promise)
  const ask = async (name: string, from?: string) => {
    const result = await lane.run(async () => name, from)
    if (result === null) given.push(name)
    else done.push(result)
  }
  return { lane, ask, done, given, first, go: resolve }
}

it('does one thing at a time, in the order of the calls, also after one that fails', async () => {
  const { lane, ask, done, go } = blocked(10)
  const failing = lane.run(() => Promise.reject(new Error('no')))
  const others = ['a', 'b', 'c'].map(name => ask(name))
  await Promise.resolve()
  expect(done).toEqual([])
  go()
  await expect(failing).rejects.toThrow('no')
  await Promise.all(others)
  expect(done).toEqual(['a', 'b', 'c'])
  expect(await lane.run(async () => 'again')).toBe('again')
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
