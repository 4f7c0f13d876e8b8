import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ANYONE, type Principal } from '../live/access.ts'
import { loginOf, startIdentities, type TestIdentities } from './fixture.ts'
import { Identities, SESSION_COOKIE } from './identities.ts'
import { generateSecret, hashSecret, parseHash, verifySecret } from './secrets.ts'
import { databasePath, IdentityStore } from './store.ts'

// A password takes 0.2 s of a processor by design, and there may be little of that.
vi.setConfig({ testTimeout: 90_000 })

const running: TestIdentities[] = []
afterEach(() => {
  for (const test of running.splice(0)) test.close()
})

function start(options: Parameters<typeof startIdentities>[0] = {}): TestIdentities {
  const test = startIdentities(options)
  running.push(test)
  return test
}

describe('credentials are needed', () => {
  it('on loopback by MQTT from the first device on, by HTTP from the first user on', async () => {
    const { identities, noticed, addDevice, addUser, store } = start()
    expect(identities.needsCredentials).toEqual({ mqtt: false, http: false })
    expect(await identities.authenticate(loginOf({}))).toMatchObject({ ok: true, access: { identity: null } })
    expect(identities.principalOf({})).toBe(ANYONE)
    await noticed(() => addUser('ann', 'viewer', 'a word that is long'))
    expect(identities.needsCredentials).toEqual({ mqtt: false, http: true })
    expect(identities.principalOf({})).toBeNull()
    expect(identities.isCurrent(ANYONE)).toBe(false)
    await noticed(() => addDevice('thermo'))
    expect(identities.needsCredentials).toEqual({ mqtt: true, http: true })
    expect(await identities.authenticate(loginOf({}))).toEqual({ ok: false, reason: 'not-authorised' })
    expect(identities.accessOf(null)).toBeNull()
    await noticed(() => store.revokeDevice('thermo'))
    expect(identities.accessOf(null)).not.toBeNull()
  })

  it('beyond loopback always, unless anybody is allowed in so many words, which is said at each start', async () => {
    const closed = start({ host: '0.0.0.0' })
    expect(closed.identities.needsCredentials).toEqual({ mqtt: true, http: true })
    expect(await closed.identities.authenticate(loginOf({ username: 'a', password: 'b' }))).toMatchObject({
      ok: false,
    })
    expect(closed.log.warn.join()).toMatch(/device add <id>.*user add <name>/)
    const open = start({ host: '0.0.0.0', allowAnonymous: true })
    expect(open.identities.needsCredentials).toEqual({ mqtt: false, http: false })
    expect(open.log.warn.join()).toMatch(/anyone on the network/)
  })

  it('by MQTT as soon as that alone listens beyond loopback', () => {
    expect(start({ mqttHost: '0.0.0.0' }).identities.needsCredentials).toEqual({ mqtt: true, http: false })
    const closed = start({ host: '0.0.0.0', mqttHost: '127.0.0.1' })
    expect(closed.identities.needsCredentials).toEqual({ mqtt: true, http: true })
  })

  it('where anybody is allowed, who shows credentials is held to them, and a device keeps its name', async () => {
    const { identities, noticed, addDevice } = start({ allowAnonymous: true })
    const secret = await noticed(() => addDevice('thermo'))
    const result = await identities.authenticate(loginOf({ username: 'thermo', password: 'wrong' }))
    expect(result).toEqual({ ok: false, reason: 'bad-credentials' })
    expect(await identities.authenticate(loginOf({ username: 'nobody', password: 'x' }))).toMatchObject({
      ok: false,
    })
    expect(await identities.authenticate(loginOf({ username: 'thermo', password: secret }))).toMatchObject({
      ok: true,
    })
    const anonymous = await identities.authenticate(loginOf({ clientId: 'thermo' }))
    expect(anonymous.ok && anonymous.access.mayUse('thermo')).toBe(false)
    expect(anonymous.ok && anonymous.access.mayUse('thermo-2')).toBe(false)
    expect(anonymous.ok && anonymous.access.mayUse('thermo2')).toBe(true)
  })
})

describe('a device', () => {
  it('is let in by its secret alone, until that is rotated, and never again once it is revoked', async () => {
    const { identities, noticed, addDevice, store } = start()
    const first = await noticed(() => addDevice('thermo'))
    const tryIt = async (password: string) =>
      (await identities.authenticate(loginOf({ username: 'thermo', password }))).ok
    expect(await tryIt(first)).toBe(true)
    expect(await tryIt(first)).toBe(true)
    const wrong = ['', 'x', `${first}x`, first.toUpperCase(), first.slice(1)]
    expect((await Promise.all(wrong.map(tryIt))).includes(true)).toBe(false)
    const before = store.read().devices[0]!
    const second = generateSecret()
    const hash = await hashSecret(second, 'generated')
    await noticed(() => store.rotateDevice('thermo', hash))
    expect(await tryIt(first)).toBe(false)
    expect(await tryIt(second)).toBe(true)
    expect(identities.accessOf(before.identity)).not.toBeNull()
    await noticed(() => store.revokeDevice('thermo'))
    await noticed(() => addDevice('thermo'))
    expect(await Promise.all([tryIt(first), tryIt(second)])).toEqual([false, false])
    expect(identities.accessOf(before.identity)).toBeNull()
    expect(store.read().devices[0]!.identity).not.toBe(before.identity)
  })

  it('that is revoked while its secret is being checked is not let in', async () => {
    const { identities, noticed, addDevice, store } = start()
    const secret = await noticed(() => addDevice('thermo'))
    const other = await noticed(() => addDevice('other'))
    // Many before it, so that the change is noticed while it waits: half a second of checks, a turn each.
    const crowd = Array.from({ length: 1000 }, () =>
      identities.authenticate(loginOf({ username: 'other', password: other, address: '::1' })),
    )
    const late = identities.authenticate(
      loginOf({ username: 'thermo', password: secret, address: '127.0.0.1' }),
    )
    await noticed(() => store.revokeDevice('thermo'))
    expect(await late).toEqual({ ok: false, reason: 'bad-credentials' })
    expect((await Promise.all(crowd)).every(({ ok }) => ok)).toBe(true)
  }, 30_000)

  it('goes by its id, and by what begins with it and no other device owns', async () => {
    const { identities, noticed, addDevice } = start()
    const secret = await addDevice('hall')
    await noticed(() => addDevice('hall-lamp'))
    const result = await identities.authenticate(loginOf({ username: 'hall', password: secret }))
    if (!result.ok) throw new Error(result.reason)
    const { access } = result
    for (const own of ['', 'hall', 'hall-', 'hall-1', 'hall-lam', 'hall-lamp2', 'hall--lamp'])
      expect([own, access.mayUse(own)]).toEqual([own, true])
    for (const foreign of [
      'hall-lamp',
      'hall-lamp-1',
      'hal',
      'hall2',
      'Hall',
      ' hall',
      'x'.repeat(70_000),
      '-hall',
      'hall\0',
    ])
      expect([foreign.slice(0, 20), access.mayUse(foreign)]).toEqual([foreign.slice(0, 20), false])
  })

  it('by certificate: its common name, once seen its fingerprint, and none that was revoked', async () => {
    const { identities, noticed, addDevice, store } = start()
    await noticed(() => addDevice('meter', { certificate: true }))
    const show = async (commonName: string, fingerprint256: string, username: string | null = null) =>
      (await identities.authenticate(loginOf({ username, certificate: { commonName, fingerprint256 } }))).ok
    expect(await show('meter', 'AA')).toBe(true)
    expect(await show('meter', 'AA', 'meter')).toBe(true)
    expect(await show('meter', 'BB')).toBe(true)
    const strange = [show('other', 'CC'), show('meter', 'AA', 'other')]
    expect(await Promise.all(strange)).toEqual([false, false])
    expect((await identities.authenticate(loginOf({ username: 'meter', password: '' }))).ok).toBe(false)
    await noticed(() => store.revokeDevice('meter'))
    await noticed(() => addDevice('meter', { certificate: true }))
    expect(await Promise.all([show('meter', 'AA'), show('meter', 'BB')])).toEqual([false, false])
    expect(await show('meter', 'DD')).toBe(true)
    await noticed(() => store.rotateDevice('meter', null))
    expect(await show('meter', 'DD')).toBe(false)
    expect(await show('meter', 'EE')).toBe(true)
  })

  it('with an odd name is a device like any other, and no prototype changes', async () => {
    const { identities, noticed, addDevice } = start()
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype))
    for (const name of ['__proto__', 'constructor']) {
      expect((await identities.authenticate(loginOf({ username: name, password: 'x' }))).ok).toBe(
        identities.counts.devices === 0,
      )
      const secret = await noticed(() => addDevice(name))
      expect(await identities.authenticate(loginOf({ username: name, password: secret }))).toMatchObject({
        ok: true,
      })
      expect((await identities.login({ name, password: 'x', address: '::1' })).ok).toBe(false)
    }
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before)
  }, 20_000)
})

describe('people', () => {
  it('log in, and what they hold ends with a new password or their removal', async () => {
    const { identities, noticed, addUser, store } = start()
    await noticed(() => addUser('ann', 'operator', 'correct horse'))
    const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '192.0.2.1' })
    if (!outcome.ok) throw new Error(outcome.reason)
    expect(outcome.principal).toMatchObject({ name: 'ann', role: 'operator' })
    expect(outcome.principal.expiresAtMs).toBeGreaterThan(Date.now())
    const cookie = `other=1; ${SESSION_COOKIE}=${outcome.session}; more=2`
    const principal = identities.principalOf({ cookie })!
    expect(principal).toEqual(outcome.principal)
    expect(identities.isCurrent(principal)).toBe(true)
    expect(identities.isCurrent({ ...principal })).toBe(false)
    // A session is no token, and the other way round.
    expect(identities.principalOf({ token: outcome.session })).toBeNull()
    for (const forged of [
      outcome.session.slice(0, -1),
      `${outcome.session}x`,
      outcome.session.replace('trestle_', 'trestle_A'),
    ])
      expect(identities.principalOf({ cookie: `${SESSION_COOKIE}=${forged}` })).toBeNull()
    const hash = await hashSecret('another one', 'password')
    await noticed(() => store.changePassword('ann', hash))
    expect(identities.principalOf({ cookie })).toBeNull()
    expect(identities.isCurrent(principal)).toBe(false)
    expect(
      (await identities.login({ name: 'ann', password: 'correct horse', address: '192.0.2.1' })).ok,
    ).toBe(false)
    expect((await identities.login({ name: 'ann', password: 'another one', address: '192.0.2.1' })).ok).toBe(
      true,
    )
  })

  it('sessions outlive a restart', async () => {
    const { identities, noticed, addUser, dataDir } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
    const session = outcome.ok ? outcome.session : ''
    identities.close()
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
    const again = new Identities({ dataDir, host: '127.0.0.1', allowAnonymous: false, log })
    expect(again.principalOf({ cookie: `${SESSION_COOKIE}=${session}` })).toMatchObject({ name: 'ann' })
    again.close()
  })

  it('log out: the session ends with what is open by it, others stay, and no restart brings it back', async () => {
    const { identities, noticed, addUser, addDevice, dataDir, store } = start()
    await addUser('ann', 'viewer', 'correct horse')
    await noticed(() => addDevice('thermo'))
    const login = async () => {
      const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
      if (!outcome.ok) throw new Error(outcome.reason)
      return { cookie: `${SESSION_COOKIE}=${outcome.session}`, principal: outcome.principal }
    }
    const [left, kept] = [await login(), await login()]
    const device = await identities.authenticate(loginOf({ headers: { cookie: left.cookie } }))
    if (!device.ok) throw new Error(device.reason)
    expect(device.stillHolds?.()).toBe(true)
    let heard = 0
    identities.onChange(() => heard++)
    const logout = identities.logout({ cookie: left.cookie })
    // A copy is worth nothing from the first moment on, nor one whose last character says the same in other bits.
    const { cookie } = left
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const digit of digits)
      expect(identities.principalOf({ cookie: cookie.slice(0, -1) + digit }), digit).toBeNull()
    expect(identities.isCurrent(left.principal)).toBe(false)
    expect(device.stillHolds?.()).toBe(false)
    expect((await identities.authenticate(loginOf({ headers: { cookie } }))).ok).toBe(false)
    await logout
    expect(heard).toBe(1)
    expect(identities.principalOf({ cookie: kept.cookie })).toMatchObject({ name: 'ann' })
    expect(identities.isCurrent(kept.principal)).toBe(true)
    expect(store.read().endedSessions).toHaveLength(1)
    // Once more, without one, and by nonsense: nothing happens.
    for (const again of [cookie, undefined, 'x=y', `${SESSION_COOKIE}=trestle_x.y`])
      await identities.logout({ cookie: again })
    identities.close()
    const restarted = new Identities({
      dataDir,
      host: '127.0.0.1',
      allowAnonymous: false,
      log: identitiesLog,
    })
    onTestFinished(() => restarted.close())
    expect(restarted.principalOf({ cookie })).toBeNull()
    expect(restarted.principalOf({ cookie: kept.cookie })).toMatchObject({ name: 'ann' })
  })

  it('have their logouts remembered one by one up to a bound, and counted beyond it', async () => {
    const { identities, noticed, addUser, store } = start({ maxLogouts: 2 })
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const left: string[] = []
    for (const merged of [0, 0, 2]) {
      const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
      left.push(`${SESSION_COOKIE}=${outcome.ok ? outcome.session : ''}`)
      await identities.logout({ cookie: left.at(-1) })
      expect(identities.mergedLogouts).toBe(merged)
    }
    expect(store.read().endedSessions).toHaveLength(2)
    for (const cookie of left) expect(identities.principalOf({ cookie })).toBeNull()
  })

  it('log out while a command writes, and hear when the disk does not take it', async () => {
    const { identities, noticed, addUser, dataDir, store, log } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const login = async () => {
      const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
      return { cookie: `${SESSION_COOKIE}=${outcome.ok ? outcome.session : ''}` }
    }
    const writer = new DatabaseSync(databasePath(dataDir))
    onTestFinished(() => writer.close())
    writer.exec('BEGIN IMMEDIATE')
    const [first, second] = [await login(), await login()]
    const logout = identities.logout(first)
    let heard = 0
    identities.onChange(() => heard++)
    const waited = await Promise.race([logout.then(() => 'done'), new Promise(go => setTimeout(go, 300))])
    expect(waited).not.toBe('done')
    // However often it is tried.
    expect(heard).toBe(1)
    writer.exec('ROLLBACK')
    await logout
    expect(heard).toBe(1)
    expect(store.read().endedSessions).toHaveLength(1)
    writer.exec('ALTER TABLE endedSession RENAME TO elsewhere')
    await expect(identities.logout(second)).rejects.toThrow('endedSession')
    expect(log.error.join()).toContain('a logout could not be kept')
    expect(identities.principalOf(second)).toBeNull()
    // The next one takes it along.
    writer.exec('ALTER TABLE elsewhere RENAME TO endedSession')
    await identities.logout(await login())
    expect(store.read().endedSessions).toHaveLength(3)
  })

  it('log out twice, and hear both times when the disk does not take it', async () => {
    const { identities, noticed, addUser, dataDir, store, log } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const left = { cookie: await loggedIn(identities) }
    alter(databasePath(dataDir), 'ALTER TABLE endedSession RENAME TO elsewhere')
    const both = [identities.logout(left), identities.logout(left)]
    for (const result of await Promise.allSettled(both)) expect(result.status).toBe('rejected')
    await expect(identities.logout(left)).rejects.toThrow('endedSession')
    expect(log.error.filter(line => line.includes('a logout could not be kept'))).toHaveLength(1)
    alter(databasePath(dataDir), 'ALTER TABLE elsewhere RENAME TO endedSession')
    await identities.logout(left)
    expect(store.read().endedSessions).toHaveLength(1)
  })

  it('log out: what the disk did not take is kept as soon as it does, without another logout', async () => {
    const { identities, noticed, addUser, dataDir, store, log } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const cookie = await loggedIn(identities)
    alter(databasePath(dataDir), 'ALTER TABLE endedSession RENAME TO elsewhere')
    await expect(identities.logout({ cookie })).rejects.toThrow('endedSession')
    alter(databasePath(dataDir), 'ALTER TABLE elsewhere RENAME TO endedSession')
    await expect.poll(() => store.read().endedSessions.length, { timeout: 20_000 }).toBe(1)
    expect(log.error.filter(line => line.includes('a logout could not be kept'))).toHaveLength(1)
    expect(whoIs(cookie, dataDir)).toBeNull()
  })

  it('log out at the last moment before the bridge stops', async () => {
    const { identities, noticed, addUser, dataDir } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const cookie = await loggedIn(identities)
    const logout = identities.logout({ cookie })
    identities.close()
    await logout
    expect(whoIs(cookie, dataDir)).toBeNull()
  })

  it('who are removed take their logouts along, from the memory, too', async () => {
    const { identities, noticed, addUser, store } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    await identities.logout({ cookie: await loggedIn(identities) })
    expect(identities.rememberedLogouts).toBe(1)
    await noticed(() => store.removeUser('ann'))
    expect(identities.rememberedLogouts).toBe(0)
  })

  it('who logged out stay so when a database from before comes back', async () => {
    const { identities, noticed, addUser, dataDir } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    const path = databasePath(dataDir)
    const cookie = await loggedIn(identities)
    alter(path, `VACUUM INTO '${path}.copy'`)
    await identities.logout({ cookie })
    await noticed(() => renameSync(`${path}.copy`, path))
    const restored = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    onTestFinished(() => restored.close())
    await expect
      .poll(() => restored.prepare('SELECT * FROM endedSession').all().length, { timeout: 20_000 })
      .toBe(1)
    expect(whoIs(cookie, dataDir)).toBeNull()
  })

  it('by MQTT: the password, a token, or the session of a page', async () => {
    const { identities, noticed, addUser, addDevice, addToken } = start()
    await addUser('ann', 'viewer', 'correct horse')
    const token = await noticed(() => addToken('grafana', 'operator'))
    await noticed(() => addDevice('thermo'))
    const byPassword = await identities.authenticate(loginOf({ username: 'ann', password: 'correct horse' }))
    expect(byPassword.ok && byPassword.access.mayPublish('a/b')).toBe(false)
    expect(byPassword.ok && byPassword.access.maySubscribe('#')).toBe(true)
    expect(byPassword.ok && byPassword.access.mayUse('thermo')).toBe(false)
    const byToken = await identities.authenticate(loginOf({ username: 'anything', password: token }))
    expect(byToken.ok && byToken.access.mayPublish('a/b')).toBe(true)
    const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
    const headers = { cookie: `${SESSION_COOKIE}=${outcome.ok ? outcome.session : ''}` }
    expect(await identities.authenticate(loginOf({ headers }))).toMatchObject({ ok: true })
    expect(await identities.authenticate(loginOf({ headers: { cookie: 'x=y' } }))).toMatchObject({
      ok: false,
    })
  })

  it('tokens end when they expire or are revoked, and whoever holds a connection hears of it', async () => {
    const { identities, noticed, addUser, addToken, store } = start()
    await addUser('ann', 'admin', 'correct horse')
    const lasting = addToken('lasting', 'viewer')
    await noticed(() => addToken('other', 'viewer'))
    const brief = await noticed(() => addToken('brief', 'admin', Date.now() + 1500))
    const principal = identities.principalOf({ token: brief }) as Principal
    expect(principal).toMatchObject({ name: 'brief', role: 'admin' })
    const { identity } = store.read().tokens.find(({ name }) => name === 'brief')!
    await noticed(() => undefined)
    expect(identities.principalOf({ token: brief })).toBeNull()
    expect(identities.isCurrent(principal)).toBe(false)
    expect(identities.accessOf(identity)).toBeNull()
    expect(identities.principalOf({ token: lasting })).toEqual({ name: 'lasting', role: 'viewer' })
    await noticed(() => store.revokeToken('lasting'))
    expect(identities.principalOf({ token: lasting })).toBeNull()
    // A new one of the same name is another.
    await noticed(() => addToken('lasting', 'viewer'))
    expect(identities.principalOf({ token: lasting })).toBeNull()
  })

  it('a token ends on time also after a clock that jumped forward, and back', async () => {
    const { identities, noticed, addToken, store } = start()
    const startMs = Date.now()
    const expiresAtMs = startMs + 3_600_000
    const brief = await noticed(() => addToken('brief', 'admin', expiresAtMs))
    const { identity } = store.read().tokens[0]!
    vi.useFakeTimers({ toFake: ['Date'], now: startMs })
    onTestFinished(() => void vi.useRealTimers())
    await noticed(() => vi.setSystemTime(expiresAtMs + 86_400_000))
    expect(identities.accessOf(identity)).toBeNull()
    await noticed(() => vi.setSystemTime(startMs))
    expect((await identities.authenticate(loginOf({ username: 'x', password: brief }))).ok).toBe(true)
    // Whoever holds a connection by it hears of its end.
    await noticed(() => vi.setSystemTime(expiresAtMs))
    expect(identities.accessOf(identity)).toBeNull()
  })

  it('and devices share no name', async () => {
    const { addDevice, addUser } = start()
    await addDevice('ann')
    await expect(addUser('ann', 'viewer', 'x')).rejects.toThrow('there already')
  })
})

describe('secrets', () => {
  it('are random, kept as scrypt, and cost what they are worth', async () => {
    const secrets = new Set(Array.from({ length: 1000 }, generateSecret))
    expect(secrets.size).toBe(1000)
    for (const secret of secrets) expect(secret).toMatch(/^[a-z2-7]{32}$/)
    const kept = await hashSecret('correct horse', 'password')
    expect(parseHash(kept)).toMatchObject({ N: 32_768, r: 8, p: 3 })
    expect(await verifySecret('correct horse', kept)).toBe(true)
    expect(await verifySecret('correct hors', kept)).toBe(false)
    for (const damaged of [
      '',
      'x',
      kept.slice(0, -1),
      kept.replace('32768', '32769'),
      kept.replace('32768', '9999999'),
    ])
      expect(await verifySecret('correct horse', damaged)).toBe(false)
  })
})

describe('the files', () => {
  it('are for their owner alone, and tell no secret', async () => {
    const { dataDir, addDevice, addUser, addToken } = start()
    const secrets = [await addDevice('thermo'), 'correct horse', addToken('grafana', 'admin')]
    await addUser('ann', 'admin', 'correct horse')
    for (const name of readdirSync(dataDir)) {
      expect([name, statSync(join(dataDir, name)).mode & 0o777]).toEqual([name, 0o600])
      const bytes = readFileSync(join(dataDir, name))
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false)
    }
    expect(readdirSync(dataDir).toSorted()).toEqual(['identities.db', 'identity.key'])
  })

  it('that others could read are closed to them', () => {
    const { dataDir, identities, store } = start()
    identities.close()
    store.close()
    chmodSync(databasePath(dataDir), 0o644)
    IdentityStore.open(dataDir).close()
    expect(statSync(databasePath(dataDir)).mode & 0o777).toBe(0o600)
  })

  it.each<[string, (path: string) => void]>([
    ['empty', path => truncateSync(path, 0)],
    ['cut off', path => truncateSync(path, 5000)],
    ['no database', path => writeFileSync(path, 'x'.repeat(20_000))],
    ['of another program', path => replaceBy(path, 'CREATE TABLE device (id)')],
    ['of a later version', path => alter(path, 'PRAGMA user_version = 99')],
    ['without a table', path => alter(path, 'DROP TABLE user')],
    [
      'with a role that is none',
      path => alter(path, "INSERT INTO token VALUES ('t', 'token:t:1', 'god', 1, NULL, 1)"),
    ],
    ['with a secret that is none', path => alter(path, "UPDATE device SET secret = ''")],
    ['with patterns that are none', path => alter(path, "UPDATE device SET allow = '{'")],
    ['with a blank id', path => alter(path, "UPDATE device SET id = ''")],
    ['missing', path => rmSync(path)],
  ])(
    'one that is %s is refused at start in a line, and changes nothing while it runs',
    async (_how, damage) => {
      const { dataDir, identities, addDevice, noticed, log, store } = start()
      const secret = await noticed(() => addDevice('thermo'))
      store.close()
      damage(databasePath(dataDir))
      while (log.error.length === 0) await new Promise(resolve => setTimeout(resolve, 20))
      expect(log.error[0]).toContain('those known last stay')
      expect(identities.needsCredentials.mqtt).toBe(true)
      expect(identities.accessOf(null)).toBeNull()
      expect(await identities.authenticate(loginOf({ username: 'thermo', password: secret }))).toMatchObject({
        ok: true,
      })
      expect(() => {
        new Identities({ dataDir, host: '127.0.0.1', allowAnonymous: false, log: identitiesLog }).close()
      }).toThrow(/identities\.db (is (damaged|missing|of a newer)|.*)/)
      expect(() => IdentityStore.open(dataDir)).toThrow()
    },
  )

  it('is made once when several make it at the same time', async () => {
    const { dataDir, store, identities } = start()
    store.close()
    identities.close()
    rmSync(databasePath(dataDir))
    rmSync(join(dataDir, 'identity.key'))
    const program = `import { IdentityStore } from ${JSON.stringify(join(import.meta.dirname, 'store.ts'))}
      const store = IdentityStore.open(process.argv[1])
      if (!store.addDevice({ id: process.argv[2], secret: null, gateway: false, allow: [] })) process.exit(1)`
    const run = promisify(execFile)
    await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        run(process.execPath, ['--input-type=module-typescript', '-e', program, dataDir, `device-${i}`]),
      ),
    )
    const again = IdentityStore.open(dataDir)
    expect(again.read().devices).toHaveLength(6)
    again.close()
    expect(readdirSync(dataDir).toSorted()).toEqual(['identities.db', 'identity.key'])
  }, 60_000)

  it('of the version before, which knew no logouts, are brought up to date', async () => {
    const { dataDir, identities, noticed, addUser, store } = start()
    await noticed(() => addUser('ann', 'viewer', 'correct horse'))
    identities.close()
    store.close()
    alter(databasePath(dataDir), 'DROP TABLE endedSession; PRAGMA user_version = 1')
    const { cookie } = await (async () => {
      const old = new Identities({ dataDir, host: '127.0.0.1', allowAnonymous: false, log: identitiesLog })
      onTestFinished(() => old.close())
      const outcome = await old.login({ name: 'ann', password: 'correct horse', address: '::1' })
      const cookie = `${SESSION_COOKIE}=${outcome.ok ? outcome.session : ''}`
      await old.logout({ cookie })
      return { cookie }
    })()
    const again = new Identities({ dataDir, host: '127.0.0.1', allowAnonymous: false, log: identitiesLog })
    onTestFinished(() => again.close())
    expect(again.principalOf({ cookie })).toBeNull()
    expect(again.counts.users).toBe(1)
  })

  it('that came back from a backup is noticed', async () => {
    const { dataDir, identities, addDevice, noticed, store } = start()
    await noticed(() => addDevice('thermo'))
    const copy = join(dataDir, 'copy.db')
    new DatabaseSync(databasePath(dataDir)).prepare('VACUUM INTO ?').run(copy)
    await noticed(() => store.revokeDevice('thermo'))
    expect(identities.hasDevice('thermo')).toBe(false)
    await noticed(() => {
      rmSync(databasePath(dataDir))
      writeFileSync(`${databasePath(dataDir)}.x`, readFileSync(copy))
      rmSync(copy)
      renameSync(`${databasePath(dataDir)}.x`, databasePath(dataDir))
    })
    expect(identities.hasDevice('thermo')).toBe(true)
    expect(existsSync(copy)).toBe(false)
  })
})

const identitiesLog = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** The whole Cookie header. */
async function loggedIn(identities: Identities): Promise<string> {
  const outcome = await identities.login({ name: 'ann', password: 'correct horse', address: '::1' })
  if (!outcome.ok) throw new Error(outcome.reason)
  return `${SESSION_COOKIE}=${outcome.session}`
}

/** After a restart. */
function whoIs(cookie: string, dataDir: string): Principal | null {
  const again = new Identities({ dataDir, host: '127.0.0.1', allowAnonymous: false, log: identitiesLog })
  try {
    return again.principalOf({ cookie })
  } finally {
    again.close()
  }
}

function alter(path: string, sql: string): void {
  const database = new DatabaseSync(path, { timeout: 5000 })
  database.exec(sql)
  database.close()
}

function replaceBy(path: string, sql: string): void {
  rmSync(path)
  alter(path, sql)
}
