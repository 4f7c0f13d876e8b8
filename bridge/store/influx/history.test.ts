import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { startInfluxd } from '../../test/influxd.ts'
import { eventually } from '../../test/trestle.ts'
import {
  escapeMeasurement,
  escapeName,
  escapeString,
  escapeTagValue,
  writableName,
} from '../line-protocol.ts'
import type { History } from '../store.ts'
import { InfluxHistory } from './history.ts'

const QUERY = { device: 'kitchen', field: 'temperature', fromMs: 1000, toMs: 61_000 }

let server: Server | null = null

afterEach(() => server?.closeAllConnections())
afterEach(() => server?.close())

async function raw(history: History, query = QUERY) {
  const page = await history.raw(query, 10)
  return page?.points ?? null
}

interface Asked {
  readonly query: string
  readonly database: string | null
  readonly epoch: string | null
  readonly authorization: string | undefined
}

/** Answers `/query` as 2.x and 3 document it. */
async function serve(
  answer: (asked: Asked, response: ServerResponse, request: IncomingMessage) => void,
): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = []
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://host')
    if (!pathname.endsWith('/query')) {
      response.writeHead(404).end('{}')
      return
    }
    const one: Asked = {
      query: searchParams.get('q') ?? '',
      database: searchParams.get('db'),
      epoch: searchParams.get('epoch'),
      authorization: request.headers.authorization,
    }
    asked.push(one)
    answer(one, response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function send(response: ServerResponse, ...series: readonly unknown[]): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ results: [{ statement_id: 0, ...(series.length > 0 && { series }) }] }))
}

const FIELD_KEYS = { name: 'reading', columns: ['fieldKey', 'fieldType'], values: [['temperature', 'float']] }
const ROWS = { name: 'reading', columns: ['time', 'temperature'], values: [[1_763_800_000_123_456, 21.5]] }

function answerAll({ query }: Asked, response: ServerResponse): void {
  send(response, query.startsWith('SHOW FIELD KEYS') ? FIELD_KEYS : ROWS)
}

describe('history over the compatible API of 2.x and 3', () => {
  it('sends the token in a header and asks the bucket', async () => {
    const { url, asked } = await serve(answerAll)
    const history = new InfluxHistory({
      url: `${url}/some/path/`,
      database: 'trestle',
      token: 's3cret',
      org: 'o',
      bucket: 'b',
    })
    expect(await raw(history)).toStrictEqual([{ time: 1_763_800_000_123.456, value: 21.5 }])
    expect(asked).toHaveLength(3)
    for (const { authorization, database, epoch } of asked) {
      expect({ authorization, database, epoch }).toStrictEqual({
        authorization: 'Token s3cret',
        database: 'b',
        epoch: 'u',
      })
    }
    expect(asked[2]?.query).toBe(
      `SELECT "temperature"::field FROM "reading" WHERE "device"::tag = 'kitchen' AND time >= 1000000000 AND time < 61000000000 ORDER BY time LIMIT 11`,
    )
  })

  it('tries Bearer where Token is refused, and stays with it', async () => {
    const { url, asked } = await serve((one, response) => {
      if (one.authorization === 'Bearer s3cret') answerAll(one, response)
      else response.writeHead(401).end('{"code":"unauthorized","message":"unauthorized access"}')
    })
    const history = new InfluxHistory({ url, database: 'trestle', token: 's3cret' })
    expect(await raw(history)).toHaveLength(1)
    expect(await raw(history)).toHaveLength(1)
    expect(asked.map(({ authorization }) => authorization?.split(' ')[0])).toStrictEqual([
      'Token',
      ...Array(5).fill('Bearer'),
    ])
  })

  it('says why it is not authorised', async () => {
    const { url } = await serve((_, response) =>
      response.writeHead(401).end('{"message":"unauthorized access"}'),
    )
    for (const token of ['wrong', undefined]) {
      const history = new InfluxHistory({ url, database: 'trestle', token })
      await expect(raw(history)).rejects.toMatchObject({
        code: 'unavailable',
        message: /401.*unauthorized access/,
      })
    }
  })

  it('asks SHOW FIELD KEYS once in a while, but again for a field that it does not know', async () => {
    const { url, asked } = await serve(answerAll)
    const history = new InfluxHistory({ url, database: 'trestle' })
    for (let i = 0; i < 3; i++) await raw(history)
    expect(await raw(history, { ...QUERY, field: 'humidity' })).toBeNull()
    expect(asked.filter(({ query }) => query.startsWith('SHOW'))).toHaveLength(1)
    expect(asked.every(({ authorization }) => authorization === undefined)).toBe(true)
  })

  it.each([
    [
      'an error of the statement',
      (response: ServerResponse) => response.end('{"results":[{"error":"no such thing"}]}'),
      /no such thing/,
    ],
    [
      'an error of the request',
      (response: ServerResponse) => response.writeHead(400).end('{"error":"unable to parse"}'),
      /unable to parse/,
    ],
    [
      'a server error',
      (response: ServerResponse) => response.writeHead(503).end('{}'),
      /Service Unavailable/,
    ],
    ['no JSON', (response: ServerResponse) => response.end('<html>'), /JSON/],
  ])('%s rejects, and the next query is asked at once', async (_, fail, message) => {
    let isFailing = true
    const { url } = await serve((one, response) => (isFailing ? fail(response) : answerAll(one, response)))
    const history = new InfluxHistory({ url, database: 'trestle' })
    await expect(raw(history)).rejects.toMatchObject({ code: 'unavailable', message })
    isFailing = false
    expect(await raw(history)).toHaveLength(1)
  })

  it('an answer that never comes, or breaks off, is too slow', async () => {
    const { url } = await serve(({ query }, response) => {
      if (query.startsWith('SHOW')) response.write('{"results":')
    })
    const history = new InfluxHistory({ url, database: 'trestle' }, { timeoutMs: 100 })
    await expect(raw(history)).rejects.toMatchObject({ code: 'too-slow' })
  })
})

describe('history over InfluxDB 1.x', () => {
  it('with a password, through an outage', async () => {
    const influxd = await startInfluxd({ http: { 'auth-enabled': true } })
    onTestFinished(() => influxd.stop())
    const post = (path: string, body: string, user = '') =>
      fetch(`${influxd.url}${path}`, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(user && { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
        },
      })
    const ask = (query: string, user?: string) => post('/query', `q=${encodeURIComponent(query)}`, user)
    // Who is not the first is refused, and what is there is there: asking again changes nothing.
    await eventually(
      async () => {
        await ask(`CREATE USER admin WITH PASSWORD 'it\\'s' WITH ALL PRIVILEGES`)
        await ask('CREATE DATABASE trestle', `admin:it's`)
        return post('/write?db=trestle', 'reading,device=kitchen temperature=5 2000000000', `admin:it's`)
      },
      ({ status }) => status === 204,
    )

    const server = { url: influxd.url, database: 'trestle', username: 'admin' }
    const history = new InfluxHistory({ ...server, password: `it's` })
    expect(await raw(history)).toStrictEqual([{ time: 2000, value: 5 }])
    await expect(raw(new InfluxHistory({ ...server, password: 'wrong' }))).rejects.toMatchObject({
      code: 'unavailable',
      message: /authorization failed/,
    })
    await influxd.halt()
    await expect(raw(history)).rejects.toMatchObject({
      code: 'unavailable',
      message: /ECONNREFUSED/,
    })
    await influxd.restart()
    expect(await raw(history)).toHaveLength(1)
  })

  it('a database that is not there yet has no devices', async () => {
    const influxd = await startInfluxd()
    onTestFinished(() => influxd.stop())
    const history = new InfluxHistory({ url: influxd.url, database: 'nope' })
    expect(await raw(history)).toBeNull()
    expect(await history.lastValues()).toStrictEqual([])
  })

  it('reads names and texts as they were escaped, however hostile', async () => {
    const influxd = await startInfluxd()
    onTestFinished(() => influxd.stop())
    await fetch(`${influxd.url}/query?q=CREATE+DATABASE+trestle`, { method: 'POST' })
    const hostile = fc.string({
      unit: fc.constantFrom('\\', '"', "'", ',', '=', ' ', 'a', '\n', '\r', '#', 'é', '/'),
      minLength: 1,
      maxLength: 6,
    })
    const samples = fc.sample(fc.tuple(hostile, hostile, hostile, hostile), { numRuns: 300, seed: 7 })
    const lines = samples.map(
      ([measurement, device, field, text], i) =>
        `${escapeMeasurement(measurement)},device=${escapeTagValue(`${i}${device}`)},${escapeName(`t${field}`)}=x ${escapeName(field)}=${escapeString(text)} ${i}000\n`,
    )
    const written = await fetch(`${influxd.url}/write?db=trestle`, { method: 'POST', body: lines.join('') })
    expect(await written.text()).toBe('')

    const history = new InfluxHistory({ url: influxd.url, database: 'trestle' })
    const found = (await history.lastValues()).toSorted((a, b) => a.timeUs - b.timeUs)
    expect(found).toStrictEqual(
      samples.map(([measurement, device, field, text], i) => ({
        device: writableName(`${i}${device}`),
        field: writableName(field),
        measurement: writableName(measurement).replace(/^#/, '_'),
        tags: { [writableName(`t${field}`)]: 'x' },
        value: text,
        timeUs: i,
      })),
    )
    for (const { device, field, value, timeUs } of found.slice(0, 50)) {
      expect(await raw(history, { device, field, fromMs: 0, toMs: 1 })).toStrictEqual([
        { time: timeUs / 1000, value },
      ])
    }
  })
})
