import { Hono } from 'hono'
import { expect, it } from 'vitest'
import { checkOrigin, originPolicy } from './origin.ts'

function ask(
  listensOn: string,
  names: string[],
  headers: Record<string, string>,
  method = 'POST',
): Promise<number> {
  const app = new Hono()
    .use(checkOrigin(originPolicy({ host: listensOn, names, origins: ['https://dash.example'] })))
    .all('/', c => c.text('ok'))
  return Promise.resolve(app.request('/', { method, headers })).then(response => response.status)
}

it.each([
  'localhost:8080',
  '127.0.0.1:8080',
  '[::1]:8080',
  'LOCALHOST',
  'trestle.localhost:8080',
  'house.example',
])('on loopback it goes by %s', async host => {
  expect(await ask('127.0.0.1', ['house.example'], { host })).toBe(200)
})

it.each(['evil.example:8080', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1', '[::2]:8080'])(
  'a name that was made to point to loopback is refused: %s',
  async host => {
    expect(await ask('127.0.0.1', [], { host }, 'GET')).toBe(421)
  },
)

it('in the network it may have any name', async () => {
  expect(await ask('0.0.0.0', [], { host: 'trestle.lan:8080' })).toBe(200)
})

it.each([
  ['http://localhost:8080', 200],
  ['http://localhost:9090', 403],
  ['https://dash.example', 200],
  ['http://evil.example', 403],
  ['http://localhost:8080.evil.example', 403],
  ['null', 403],
])('a page from %s may act: %i', async (origin, status) => {
  expect(await ask('127.0.0.1', [], { host: 'localhost:8080', origin })).toBe(status)
})
