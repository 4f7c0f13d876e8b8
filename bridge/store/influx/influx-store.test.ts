import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../test/faults/fault-proxy.ts'
import type { Verdict } from '../store.ts'
import { type InfluxOptions, InfluxStore, verdictOf } from './influx-store.ts'

const TIMEOUT_MS = 300

let server: FaultProxy
let store: InfluxStore
beforeEach(async () => {
  server = await startFaultProxy(null)
  store = open()
})
afterEach(async () => {
  await store.close()
  await server.close()
})

function open(options: Partial<InfluxOptions> = {}): InfluxStore {
  return new InfluxStore({
    url: server.url,
    database: 'home',
    timeoutMs: TIMEOUT_MS,
    createDatabase: async () => undefined,
    ...options,
  })
}

function write(text = 'm v=1 1\n', target = store): Promise<Verdict> {
  return target.write({ lines: [Buffer.from(text)], lineCount: 1, position: { block: 1 } })
}

async function answerTo(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): Promise<Verdict> {
  server.behave({ kind: 'answer', status, body, headers })
  return write()
}

describe('every answer that InfluxDB is known to give', () => {
  it.each([
    [204, '', 'written'],
    [200, '{"results":[{}]}', 'written'],
    [400, '{"error":"partial write: unable to parse \'x\': missing field value dropped=0"}', 'rejected'],
    [400, '{"error":"unable to parse \'x\': invalid number"}', 'rejected'],
    [400, '{"error":"partial write: field type conflict: input field \\"v\\" dropped=2"}', 'rejected'],
    [400, '{"error":"partial write: points beyond retention policy dropped=1"}', 'rejected'],
    [400, '{"error":"partial write: max-values-per-tag limit exceeded (2500/2000) dropped=1"}', 'rejected'],
    [400, '{"error":"database is required"}', 'misconfigured'],
    [401, '{"error":"authorization failed"}', 'misconfigured'],
    [403, '{"error":"\\"ro\\" user is not authorized to write to database \\"t\\""}', 'misconfigured'],
    [404, '404 page not found', 'misconfigured'],
    [404, '{"code":"not found","message":"bucket \\"home\\" not found"}', 'misconfigured'],
    [413, 'Request Entity Too Large', 'split'],
    [422, '{"code":"unprocessable entity","message":"points beyond retention"}', 'rejected'],
    [429, '', 'retry'],
    [500, '{"error":"retention policy not found: zz"}', 'misconfigured'],
    [500, '{"error":"unexpected error writing points: field type conflict"}', 'rejected'],
    [500, '{"error":"timeout"}', 'retry'],
    [502, '<html>Bad Gateway</html>', 'retry'],
    [503, '', 'retry'],
    [504, '', 'retry'],
  ] as const)('%i %s: %s', async (status, body, kind) => {
    expect((await answerTo(status, body)).kind).toBe(kind)
  })

  it('keeps the words of the server, from 1.x, from 2.x, and from a proxy in between', async () => {
    expect(await answerTo(400, '{"error":"unable to parse"}')).toMatchObject({
      reason: '400: unable to parse',
    })
    expect(await answerTo(422, '{"code":"x","message":"too old"}')).toMatchObject({ reason: '422: too old' })
    expect(await answerTo(502, 'Bad Gateway')).toMatchObject({ reason: '502: Bad Gateway' })
    expect(await answerTo(503, '')).toMatchObject({ reason: '503: no text' })
  })

  it('honours Retry-After, in seconds and as a date', async () => {
    expect(await answerTo(429, '', { 'retry-after': '7' })).toMatchObject({ afterMs: 7000 })
    const date = new Date(Date.now() + 60_000).toUTCString()
    const verdict = await answerTo(503, '', { 'retry-after': date })
    expect(verdict.kind === 'retry' && verdict.afterMs! > 57_000 && verdict.afterMs! <= 60_000).toBe(true)
    expect(await answerTo(503, '', { 'retry-after': 'soon' })).not.toHaveProperty('afterMs')
  })

  it('cuts an answer without end', async () => {
    const verdict = await answerTo(400, 'x'.repeat(1_000_000))
    expect(verdict.kind === 'rejected' && verdict.reason.length < 100_000).toBe(true)
  })

  it('a redirect is not a success', () => {
    expect(verdictOf({ status: 302, body: '' }).kind).not.toBe('written')
  })
})

describe('a server that does not answer as it should', () => {
  it.each([
    ['hang', /no answer in time/],
    ['drip', /no answer in time|Parse Error|aborted|hang up/i],
    ['half-open', /no answer in time/],
    ['reset', /ECONNRESET|hang up/],
    ['lose-reply', /hang up|ECONNRESET/],
  ] as const)('%s: again, and within the time for a request', async (kind, reason) => {
    server.behave({ kind })
    const started = performance.now()
    expect(await write()).toMatchObject({ kind: 'retry', reason: expect.stringMatching(reason) })
    expect(performance.now() - started).toBeLessThan(TIMEOUT_MS + 500)
    server.behave({ kind: 'pass' })
    expect(await write('m v=2 2\n')).toEqual({ kind: 'written' })
    expect(server.bodies.at(-1)).toBe('m v=2 2\n')
  })

  it('refused: again, and at once when it is back', async () => {
    await server.refuse()
    expect(await write()).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONNREFUSED') })
    await server.accept()
    expect(await write()).toEqual({ kind: 'written' })
  })

  it('closed between two requests, as after a restart: nothing is lost and nothing thrown', async () => {
    for (let i = 0; i < 5; i++) {
      expect(await write(`m v=${i} ${i}\n`)).toEqual({ kind: 'written' })
      await server.refuse()
      await server.accept()
      // The kept connection is dead; one retry is what a caller pays at most.
      if ((await write(`again v=${i} ${i}\n`)).kind === 'retry')
        expect(await write(`again v=${i} ${i}\n`)).toEqual({ kind: 'written' })
    }
  })
})

describe('a database that is not there', () => {
  const MISSING = '{"error":"database not found: \\"home\\""}'

  it('is created, and the batch comes again at once', async () => {
    let created = 0
    const creating = open({ createDatabase: async () => void created++ })
    server.behave({ kind: 'answer', status: 404, body: MISSING })
    expect(await write('m v=1 1\n', creating)).toMatchObject({ kind: 'retry', afterMs: 0 })
    expect(created).toBe(1)
    await creating.close()
  })

  it('and may not be created is a fault of the configuration, with both reasons', async () => {
    const creating = open({ createDatabase: () => Promise.reject(new Error('not permitted')) })
    server.behave({ kind: 'answer', status: 404, body: MISSING })
    expect(await write('m v=1 1\n', creating)).toMatchObject({
      kind: 'misconfigured',
      reason: expect.stringMatching(/not found.*not permitted/),
    })
    await creating.close()
  })
})

describe('a request', () => {
  it('goes to 1.x with database and nanoseconds, by name and password', async () => {
    const named = open({ username: 'u', password: 'p' })
    await write('m v=1 1\n', named)
    expect(server.lastUrl()).toBe('/write?db=home&precision=ns')
    expect(server.lastHeaders().authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`)
    await named.close()
  })

  it('goes to 2.x and 3 with a token: organisation, bucket, nanoseconds', async () => {
    const tokened = open({ token: 'secret', org: 'o', bucket: 'b' })
    await write('m v=1 1\n', tokened)
    expect(server.lastUrl()).toBe('/api/v2/write?bucket=b&org=o&precision=ns')
    expect(server.lastHeaders().authorization).toBe('Token secret')
    await tokened.close()
  })

  it('carries the lines of all blocks, in order', async () => {
    await store.write({
      lines: [Buffer.from('a v=1 1\n'), Buffer.from('b v=2 2\nc v=3 3\n')],
      lineCount: 3,
      position: null,
    })
    expect(server.bodies).toEqual(['a v=1 1\nb v=2 2\nc v=3 3\n'])
  })
})
