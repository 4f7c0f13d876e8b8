import { describe, expect, it } from 'vitest'
import { seeded } from '../../broker/seeded.ts'
import { nameMistake } from './names.ts'
import { deviceAccess, openAccess, patternMistake, roleAccess, TopicPatterns } from './permissions.ts'

const OWNER = { identity: 'somebody', mayUse: () => true }
const device = deviceAccess('thermo', { isGateway: false, allow: [] }, OWNER)
const gateway = deviceAccess('z2m', { isGateway: true, allow: [] }, OWNER)

describe('a filter is granted when everything that it can match may be read', () => {
  /** Of topics; `z` is in no filter and no pattern. */
  const LEVELS = ['a', 'b', '', 'z', '$x', 'trestle']
  /** One more than the longest filter or pattern, so that `#` and `+` differ. */
  const TOPICS = topicsUpTo(5)
  const random = seeded(20_261_124)

  /** By regular expressions, unlike the code. */
  function toRegExp(filter: string): RegExp {
    const first = /^[+#]/.test(filter) ? '(?!\\$|trestle(/|$))' : ''
    const body = filter
      .split('/')
      .map((level, i) => {
        const slash = i === 0 ? '' : '/'
        if (level === '#') return i === 0 ? '[\\s\\S]+' : '(/[\\s\\S]*)?'
        return slash + (level === '+' ? '[^/]*' : level.replace('$', '\\$'))
      })
      .join('')
    return new RegExp(`^${first}${body}$`)
  }

  const known = new Map<string, Uint32Array>()
  /** A bit for each topic. */
  function matched(filter: string): Uint32Array {
    let found = known.get(filter)
    if (found === undefined) {
      const expression = toRegExp(filter)
      found = new Uint32Array(Math.ceil(TOPICS.length / 32))
      for (const [t, topic] of TOPICS.entries()) if (expression.test(topic)) found[t >> 5]! |= 1 << (t & 31)
      known.set(filter, found)
    }
    return found
  }

  function randomFilter(): string {
    const length = 1 + Math.floor(random() * 4)
    const levels = Array.from({ length }, () => pick(['a', 'b', '', '+', '+', '$x', 'trestle']))
    if (random() < 0.4) levels[length - 1] = '#'
    return levels.join('/') || 'a'
  }

  function pick<T>(from: readonly T[]): T {
    return from[Math.floor(random() * from.length)]!
  }

  it('agrees with trying every topic, for 100,000 pairs of filter and patterns', () => {
    let granted = 0
    const disagreements: string[] = []
    for (let i = 0; i < 100_000; i++) {
      const patterns = Array.from({ length: 1 + Math.floor(random() * 4) }, randomFilter)
      // Related ones are included far more often than any two.
      const filter = random() < 0.5 ? randomFilter() : narrower(pick(patterns))
      const allowed = patterns.map(matched)
      const isIncluded = matched(filter).every(
        (topics, word) => allowed.reduce((left, bits) => left & ~bits[word]!, topics) === 0,
      )
      if (isIncluded) granted++
      if (new TopicPatterns(patterns).include(filter) !== isIncluded)
        disagreements.push(`${filter} in ${patterns.join(' ')}: ${isIncluded}`)
    }
    expect(disagreements).toEqual([])
    expect(granted).toBeGreaterThan(20_000)
    expect(granted).toBeLessThan(80_000)
  }, 60_000)

  it('and a topic by the same rules', () => {
    for (let i = 0; i < 20_000; i++) {
      const pattern = randomFilter()
      const patterns = new TopicPatterns([pattern])
      const t = Math.floor(random() * TOPICS.length)
      expect([pattern, TOPICS[t], patterns.matches(TOPICS[t]!)]).toEqual([
        pattern,
        TOPICS[t],
        (matched(pattern)[t >> 5]! & (1 << (t & 31))) !== 0,
      ])
    }
  })

  function narrower(pattern: string): string {
    const levels = pattern.split('/').flatMap(level => {
      if (level === '#') return pick([['#'], ['+', '#'], ['a', '#'], ['b'], []])
      return level === '+' ? [pick(['+', 'a', 'b', ''])] : [level]
    })
    return levels.slice(0, 4).join('/') || 'a'
  }

  function topicsUpTo(depth: number): string[] {
    const all: string[] = []
    let last = ['']
    for (let length = 1; length <= depth; length++) {
      last = last.flatMap(topic => LEVELS.map(level => (length === 1 ? level : `${topic}/${level}`)))
      all.push(...last)
    }
    return all.filter(topic => topic !== '')
  }
})

describe('who may do what', () => {
  const TABLE: readonly (readonly [topic: string, who: string])[] = [
    // Who may publish: d device, g gateway, v viewer, o operator, a admin, n nobody in particular, where access is open.
    ['thermo', 'goan'],
    ['thermo/state', 'dgoan'],
    ['thermo/set', 'dgoan'],
    ['cmnd/thermo/POWER', 'dgoan'],
    ['tele/thermo', 'dgoan'],
    ['home/kitchen/thermo', 'dgoan'],
    ['home/kitchen/thermo/a/b/c', 'dgoan'],
    ['home/kitchen/floor/thermo', 'goan'],
    ['home/kitchen/thermo2/state', 'goan'],
    ['thermo2/state', 'goan'],
    ['THERMO/state', 'goan'],
    ['cmnd/lamp/POWER', 'goan'],
    ['homeassistant/sensor/thermo/config', 'dgoan'],
    ['homeassistant/sensor/lamp/config', 'goan'],
    ['$SYS/broker/uptime', ''],
    ['$SYS/x/new/clients', ''],
    ['$SYS/thermo/state', ''],
    ['$CONTROL/dynamic-security/v1', ''],
    ['$aws/things/thermo/shadow/update', 'oan'],
    ['trestle/thermo/state', ''],
    ['trestle', ''],
  ]
  const PEOPLE = {
    d: deviceAccess('thermo', { isGateway: false, allow: [] }, OWNER),
    g: gateway,
    v: roleAccess('viewer', OWNER),
    o: roleAccess('operator', OWNER),
    a: roleAccess('admin', OWNER),
    n: openAccess(OWNER),
  }

  it.each(TABLE)('%s is published by %j alone', (topic, who) => {
    // `thermo` itself is below `thermo/#` [MQTT-4.7.1-2].
    const expected = topic === 'thermo' ? `d${who}` : who
    const able = Object.entries(PEOPLE).filter(([, access]) => access.mayPublish(topic))
    expect(able.map(([name]) => name).join('')).toBe(expected)
  })

  it.each([
    ['thermo/#', 'dgvoan'],
    ['cmnd/thermo/+', 'dgvoan'],
    ['+/thermo', 'dgvoan'],
    ['+/+/thermo/#', 'dgvoan'],
    ['#', 'gvoan'],
    ['+/#', 'gvoan'],
    ['/#', 'gvoan'],
    ['+', 'gvoan'],
    ['+/+', 'gvoan'],
    ['+/+/+', 'gvoan'],
    ['#/thermo', ''],
    ['thermo#', ''],
    ['thermo+/x', ''],
    ['', ''],
    ['$SYS/#', ''],
    ['$SYS/+/new/clients', ''],
    ['$SYS/broker/#', 'gvoan'],
    ['$SYS/broker/uptime', 'gvoan'],
    ['$SYS/broker', 'gvoan'],
    ['$aws/#', 'oan'],
    ['trestle/#', 'voan'],
  ])('%s is read by %j alone', (filter, who) => {
    const able = Object.entries(PEOPLE).filter(([, access]) => access.maySubscribe(filter))
    expect(able.map(([name]) => name).join('')).toBe(who)
  })

  it('a wildcard does not reach what is ours, for whoever may not read it by name', () => {
    expect(gateway.maySubscribe('#')).toBe(true)
    for (const topic of ['trestle/x', '$SYS/broker-1/new/clients', '$aws/x'])
      expect(gateway.mayReceive(topic)).toBe(false)
    expect(gateway.mayReceive('$SYS/broker/uptime')).toBe(true)
  })

  it('patterns beside the usual ones keep to the device, too', () => {
    const access = deviceAccess(
      'plug',
      { isGateway: false, allow: ['zigbee2mqtt/{id}/#', 'rooms/+/set'] },
      OWNER,
    )
    expect(access.maySubscribe('zigbee2mqtt/plug/set/+')).toBe(true)
    expect(access.maySubscribe('zigbee2mqtt/+/set')).toBe(false)
    expect(access.mayPublish('rooms/kitchen/set')).toBe(true)
    expect(patternMistake('a/{id}/#')).toBeNull()
    for (const wrong of ['', 'a#', 'a/#/b', 'x{id}', '{name}/#', '$SYS/#', 'trestle/{id}'])
      expect(patternMistake(wrong)).not.toBeNull()
  })

  it('answers kept are bounded, and right when there are more', () => {
    for (let i = 0; i < 2000; i++) {
      expect(device.mayPublish(`thermo/${i}`)).toBe(true)
      expect(device.mayPublish(`other/${i}`)).toBe(false)
    }
  })
})

describe('a hostile name makes no device', () => {
  const control = Array.from({ length: 33 }, (_, i) => `a${String.fromCharCode(i)}b`)
  const hostile = [
    ...[
      '+',
      '#',
      '/',
      'a/b',
      'a+',
      '+a',
      'a#',
      '$SYS',
      '$SYS/#',
      'a/#',
      '+/+',
      '',
      '..',
      '.',
      '-',
      '../x',
      'a\\b',
      '%u',
      '%c',
    ],
    ...[
      '{id}',
      '{',
      'a b',
      "a'b",
      'a"b',
      'a`b',
      'a;b',
      'a$b',
      'a*b',
      'a?b',
      'a|b',
      '<a>',
      'a&b',
      '\u007f',
      'a\u0085b',
      '\ufeffa',
    ],
    ...[
      'a\u200bb',
      'a\u202eb',
      '\ud800',
      'a\ufffe',
      'cafe\u0301',
      'trestle',
      'Trestle',
      'x'.repeat(65),
      'x'.repeat(65_535),
    ],
    ...control,
  ]

  it.each(hostile.map(name => [JSON.stringify(name).slice(0, 40), name]))('%s', (_shown, name) => {
    expect(nameMistake(name)).not.toBeNull()
  })

  it('and names that are only odd are names', () => {
    for (const name of [
      '__proto__',
      'constructor',
      'toString',
      'a',
      '0',
      'A4:C1:38:00:11:22',
      'café',
      '灯',
      'x'.repeat(64),
      'a.b@c',
    ])
      expect(nameMistake(name)).toBeNull()
  })

  it('nor do odd names widen what may be done', () => {
    for (const id of ['__proto__', 'constructor', 'A4:C1:38', 'a.b', 'a.*', 'café']) {
      const access = deviceAccess(id, { isGateway: false, allow: [] }, OWNER)
      expect(access.mayPublish(`home/x/${id}/state`)).toBe(true)
      for (const topic of ['home/x/y/state', 'axb/state', 'abc', '$SYS/x'])
        expect(access.mayPublish(topic)).toBe(false)
      for (const filter of ['#', '+/#', '+/+']) expect(access.maySubscribe(filter)).toBe(false)
    }
  })
})
