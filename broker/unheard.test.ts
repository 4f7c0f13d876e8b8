import { Aedes } from 'aedes'
import { afterEach, expect, it } from 'vitest'
import { spareUnheard } from './unheard.ts'

let aedes: Aedes
afterEach(() => new Promise<void>(resolve => aedes.close(resolve)))

const publish = (topic: string) =>
  new Promise<void>((resolve, reject) => {
    const packet = {
      cmd: 'publish',
      topic,
      payload: Buffer.from('x'),
      qos: 0,
      retain: false,
      dup: false,
    } as const
    aedes.publish(packet, error => (error ? reject(error) : resolve()))
  })

it('what nobody listens to is not looked up, and the first and last listener are noticed', async () => {
  aedes = await Aedes.createBroker()
  const { mq } = aedes as unknown as { mq: { _matcher: { match(topic: string): unknown[] } } }
  const looked: string[] = []
  const match = mq._matcher.match.bind(mq._matcher)
  mq._matcher.match = topic => {
    looked.push(topic)
    return match(topic)
  }
  spareUnheard(aedes)
  const heard: string[] = []
  const listener = (packet: { topic: string }, done: () => void) => {
    heard.push(packet.topic)
    done()
  }

  await publish('a/1')
  await new Promise<void>(resolve => aedes.subscribe('a/+', listener, resolve))
  await publish('a/2')
  await publish('b/1')
  await new Promise<void>(resolve => aedes.unsubscribe('a/+', listener, resolve))
  await publish('a/3')
  await publish('$SYS/x/heartbeat')
  expect(heard).toEqual(['a/2'])
  // If Aedes' bus takes another shape, this is where it shows.
  expect(looked.filter(topic => !topic.startsWith('$SYS'))).toEqual(['a/2', 'b/1'])
  expect(looked).toContain('$SYS/x/heartbeat')
})
