/** Runs the examples of docs/live-protocol.md. */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { SendCommand } from './command.ts'
import { type Live, startLive, TestClient } from './fixture.ts'
import type { ServerFrame } from './protocol.ts'

const DOCS = new URL('../../docs/live-protocol.md', import.meta.url)
const page = readFileSync(DOCS, 'utf8')

const examples = [...page.matchAll(/```live\n(.*?)```/gs)].map(([, text]) => text!.trim().split('\n'))

/** One device answers. */
const sendCommand: SendCommand = async ({ device, payload }) => {
  const topic = 'stat/plug/RESULT'
  const answer = { topic, payload: JSON.stringify({ POWER: payload }), time: 1_763_800_000_123 }
  return { ok: true, result: 'delivered', ...(device === 'plug' && { answer }) }
}

/** Where frames come from: a WebSocket, or the answer to a request. */
type Source = () => Promise<ServerFrame>

test.each(examples.map((lines, i) => [i + 1, lines[0], lines] as const))(
  'example %i: %s',
  async (_, __, lines) => {
    await using live = await startLive({ sendCommand })
    let client = await TestClient.connect(`ws://127.0.0.1:${live.port}/live`)
    let next: Source = framesOf(client)
    if (!lines[0]!.includes('"op":"hello"')) await next()
    for (const line of lines) {
      const [, verb, rest] = /^(\S+) ?(.*)$/.exec(line)!
      switch (verb) {
        case '>':
          client.socket.send(rest!)
          break
        case '<':
          expect(await next()).toEqual(anything(JSON.parse(rest!)))
          break
        case 'device': {
          const [, device, values] = /^(\S+) (.*)$/.exec(rest!)!
          await turn()
          live.offer(device!, JSON.parse(values!))
          break
        }
        case 'forget':
          live.forget(rest!)
          break
        case 'message': {
          const [, topic, payload] = /^(\S+) (.*)$/.exec(rest!)!
          offerMessage(live, topic!, payload!)
          break
        }
        case 'reconnect':
          client.close()
          client = await TestClient.connect(`ws://127.0.0.1:${live.port}/live`)
          next = framesOf(client)
          break
        case 'GET':
          next = framesOfRequest(await fetch(live.url + rest))
          break
        default:
          throw new Error(`what is this? ${line}`)
      }
    }
    client.close()
  },
)

test('the program', async () => {
  await using live = await startLive()
  live.offer('kitchen-thermo', { temperature: 21.5 })
  const program = /```ts\n(.*?)```/s.exec(page)![1]!
  const code = program
    .replace('../bridge/live/client.ts', new URL('client.ts', import.meta.url).href)
    .replace('http://localhost:8080', live.url)
  const run = promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', code])
  run.child.stdout!.on('data', () => run.child.kill())
  const output = await run.catch((error: { stdout: string }) => error)
  expect(output.stdout).toMatch(/^kitchen-thermo .*\{ temperature: 21\.5 \}/)
})

function framesOf(client: TestClient): Source {
  let at = 0
  return async () => {
    while (client.frames.length <= at) await turn()
    return client.frames[at++]!
  }
}

function framesOfRequest(response: Response): Source {
  const frames: ServerFrame[] = []
  void (async () => {
    if (response.headers.get('content-type') === 'application/json') {
      frames.push(...((await response.json()) as { frames: ServerFrame[] }).frames)
      return
    }
    let text = ''
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      text += value
      const events = text.split('\n\n')
      text = events.pop()!
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)
        if (data) frames.push(JSON.parse(data[1]!))
      }
    }
  })()
  return async () => {
    while (frames.length === 0) await turn()
    return frames.shift()!
  }
}

function offerMessage({ relay }: Live, topic: string, payload: string): void {
  const message = {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 1,
  } as const
  relay.offerMessage({ message: { ...message, client: 'thermo' }, receivedUs: 1.7e15, result: 'stored' })
}

function anything(value: unknown): unknown {
  if (value === '…') return expect.anything()
  if (Array.isArray(value)) return value.map(anything)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, anything(item)]))
}

/** Long enough for what was sent before to have taken effect. */
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 2))
