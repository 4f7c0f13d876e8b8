import { expect, it } from 'vitest'
import { Audience } from './audience.ts'

function listeners() {
  const looked: string[] = []
  const heard = new Set<string>()
  return {
    version: 0,
    isEmpty: false,
    looked,
    heard,
    hears(topic: string) {
      looked.push(topic)
      return heard.has(topic)
    },
  }
}

it('a topic is looked up once, until listeners come or go', () => {
  const among = listeners()
  const audience = new Audience(among)
  for (let i = 0; i < 3; i++) expect(audience.hears('a/1')).toBe(false)
  expect(among.looked).toEqual(['a/1'])
  among.heard.add('a/1')
  among.version++
  for (let i = 0; i < 3; i++) expect(audience.hears('a/1')).toBe(true)
  expect(audience.hears('b/1')).toBe(false)
  among.heard.clear()
  among.version++
  expect(audience.hears('a/1')).toBe(false)
  expect(among.looked).toEqual(['a/1', 'a/1', 'b/1', 'a/1'])
})

it('remembers no more than it has room for', () => {
  const among = listeners()
  const audience = new Audience(among)
  for (let i = 0; i < 50_000; i++) expect(audience.hears(`a/${i}`)).toBe(false)
  expect(among.looked).toHaveLength(50_000)
  // Of so many it has the newest, not all.
  expect(audience.hears('a/49999')).toBe(false)
  expect(audience.hears('a/0')).toBe(false)
  expect(among.looked.slice(50_000)).toEqual(['a/0'])
})

it('where nobody listens, nothing is looked up', () => {
  const among = listeners()
  const audience = new Audience(among)
  among.isEmpty = true
  expect(audience.hears('a/1')).toBe(false)
  expect(among.looked).toEqual([])
  among.heard.add('a/1')
  among.isEmpty = false
  among.version++
  expect(audience.hears('a/1')).toBe(true)
})
