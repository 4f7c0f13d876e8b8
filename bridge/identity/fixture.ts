/** For tests: identities in a directory of their own, and somebody who changes them meanwhile, as the commands do. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Login } from '../../broker/access.ts'
import type { Role } from '../live/access.ts'
import { Identities, type IdentitiesOptions } from './identities.ts'
import { generateSecret, hashSecret, type SecretKind } from './secrets.ts'
import { sign } from './signing.ts'
import { IdentityStore, signingKey } from './store.ts'

export interface TestIdentities {
  readonly dataDir: string
  readonly identities: Identities
  readonly store: IdentityStore
  /** What was logged, by level. */
  readonly log: { readonly warn: string[]; readonly error: string[] }
  /** Returns the secret. */
  addDevice(
    id: string,
    rights?: { gateway?: boolean; allow?: string[]; certificate?: boolean },
  ): Promise<string>
  /** The hash says what a check costs: of a password 0.2 s of a processor. Little, unless a test is about that. */
  addUser(name: string, role: Role, password: string, cost?: SecretKind): Promise<void>
  /** Returns the token. */
  addToken(name: string, role: Role, expiresAtMs?: number | null): string
  /** Resolves when the change has been noticed. */
  noticed<T>(change: () => T | Promise<T>): Promise<T>
  close(): void
}

export function startIdentities(options: Partial<IdentitiesOptions> = {}): TestIdentities {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'trestle-identities-'))
  const log = { warn: [] as string[], error: [] as string[] }
  const say = (to: string[]) => (fields: object, text: string) =>
    void to.push(`${text} ${JSON.stringify(fields)}`)
  const store = IdentityStore.open(dataDir)
  const identities = new Identities({
    dataDir,
    host: '127.0.0.1',
    allowAnonymous: false,
    pollMs: 20,
    log: { info: () => undefined, warn: say(log.warn), error: say(log.error) },
    ...options,
  })
  return {
    dataDir,
    identities,
    store,
    log,
    async addDevice(id, { gateway = false, allow = [], certificate = false } = {}) {
      const secret = generateSecret()
      const kept = certificate ? null : await hashSecret(secret, 'generated')
      if (!store.addDevice({ id, secret: kept, gateway, allow })) throw new Error(`${id} is there already`)
      return secret
    },
    async addUser(name, role, password, cost = 'generated') {
      if (!store.addUser({ name, role, password: await hashSecret(password, cost) }))
        throw new Error(`${name} is there already`)
    },
    addToken(name, role, expiresAtMs = null) {
      const { identity, version } = store.addToken({ name, role, expiresAtMs })!
      return sign({ kind: 'token', identity, version, expiresAtMs }, signingKey(dataDir))
    },
    async noticed(change) {
      const result = await change()
      // It was not looked for since: nothing but microtasks ran.
      await new Promise<void>(resolve => {
        const stop = identities.onChange(() => {
          stop()
          resolve()
        })
      })
      return result
    },
    close() {
      identities.close()
      store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** As a client on another machine shows itself. */
export function loginOf(given: Partial<Omit<Login, 'password'>> & { readonly password?: string }): Login {
  const { password, ...rest } = given
  return {
    clientId: '',
    username: null,
    certificate: null,
    address: '192.0.2.1',
    headers: null,
    ...rest,
    password: password === undefined ? null : Buffer.from(password),
  }
}
