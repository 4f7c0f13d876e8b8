import { describe, expect, it } from 'vitest'
import { compileTemplate, fillIn } from './topic-template.ts'

const match = (template: string, topic: string) => compileTemplate(template)(topic.split('/'))

describe('templates', () => {
  it.each([
    ['a/{x}/c', 'a/b/c', { x: 'b' }],
    ['a/{x...}/z', 'a/b/c/z', { x: 'b/c' }],
    ['{x...}/z', 'a/z', { x: 'a' }],
    ['tele|stat/{x}', 'stat/b', { x: 'b' }],
    ['a/+/c', 'a/b/c', {}],
    ['a/#', 'a', {}],
    ['a/#', 'a/b/c', {}],
  ])('%s matches %s', (template, topic, captures) => expect(match(template, topic)).toEqual(captures))

  it.each([
    ['a/{x}/c', 'a/b'],
    ['a/{x}', 'a/b/c'],
    ['a/{x...}/z', 'a/z'],
    ['a/{x}/c', 'a//c'],
    ['tele|stat/{x}', 'tel/b'],
  ])('%s does not match %s', (template, topic) => expect(match(template, topic)).toBeUndefined())

  it.each(['a/{x', 'a/b#', 'a/#/c', '{x...}/{y...}', '{x...}/#', '{x}/{x}', 'a/{1}', 'a/x{y}'])(
    'refuses %s',
    template => expect(() => compileTemplate(template)).toThrow(),
  )

  it('fills in what was captured', () => expect(fillIn('{a}-{b}{c}', { a: '1', b: '2' })).toBe('1-2'))

  it('a hostile topic costs little', () => {
    const template = compileTemplate('{a...}/b/c/d')
    const levels = Array.from({ length: 30_000 }, () => 'b')
    const start = performance.now()
    expect(template(levels)).toBeUndefined()
    expect(performance.now() - start).toBeLessThan(50)
  })
})
