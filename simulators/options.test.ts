import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { clientIdPrefixOf, type RunFlags, runSettingsOf, targetOfFlags, withRun } from './options.ts'
import { localAddressFor } from './target.ts'

describe('options', () => {
  it.each([
    ['', 'mqtt://127.0.0.1:1883'],
    ['-h example.org', 'mqtt://example.org:1883'],
    ['-h ::1 -p 1884', 'mqtt://[::1]:1884'],
    ['-l mqtts', 'mqtts://127.0.0.1:8883'],
    ['--cafile package.json', 'mqtts://127.0.0.1:8883'],
    ['-l ws', 'ws://127.0.0.1:8080/mqtt'],
    ['-l wss -p 443 --path /broker', 'wss://127.0.0.1/broker'],
    ['--url ws://example.org/mqtt', 'ws://example.org/mqtt'],
  ])('%s -> %s', (words, url) => {
    expect(targetOfFlags(parse(words)).url.href).toBe(new URL(url).href)
  })

  it('takes credentials from words or from the address', () => {
    expect(targetOfFlags(parse('-u sensor -P secret'))).toMatchObject({
      username: 'sensor',
      password: 'secret',
    })
    expect(targetOfFlags(parse('--url mqtt://a%40b:c@h'))).toMatchObject({ username: 'a@b', password: 'c' })
  })

  it('binds client ids to the username, unless told otherwise', () => {
    expect(clientIdPrefixOf(parse(''))).toBe('')
    expect(clientIdPrefixOf(parse('-u gateway'))).toBe('gateway-')
    expect(clientIdPrefixOf(parse('-u gateway -I x'))).toBe('x')
  })

  it('runs until it is told to stop, a check for ten seconds', () => {
    const { signal } = new AbortController()
    expect(runSettingsOf(parse(''), signal)).toMatchObject({ seconds: Infinity, qos: 1, seed: 1, faults: {} })
    expect(runSettingsOf(parse('--check http://x'), signal)).toMatchObject({
      seconds: 10,
      checkUrl: 'http://x',
    })
    expect(runSettingsOf(parse('--start 2026-07-01T06:00:00Z'), signal).startMs).toBe(Date.UTC(2026, 6, 1, 6))
  })

  it.each(['-q 3', '--seconds 0', '--seed one', '-p x', '-l http', '--start soon', '--nonsense'])(
    'refuses %s',
    words => {
      expect(() => parse(words)).toThrow()
    },
  )

  it('spreads many connections to this machine over its loopback addresses', () => {
    const near = targetOfFlags(parse(''))
    expect([0, 19_999, 20_000, 65_000].map(nth => localAddressFor(near, nth))).toEqual([
      undefined,
      undefined,
      '127.0.0.2',
      '127.0.0.4',
    ])
    expect(localAddressFor(targetOfFlags(parse('-h example.org')), 65_000)).toBeUndefined()
  })

  it('knows what an address must look like', () => {
    expect(() => targetOfFlags(parse('--url http://x'))).toThrow(/must begin with mqtt:/)
  })
})

function parse(words: string): RunFlags {
  const command = withRun(new Command('x').helpOption('--help', 'help')).exitOverride()
  command.configureOutput({ writeErr: () => undefined })
  return command.parse(words.split(' ').filter(Boolean), { from: 'user' }).opts()
}
