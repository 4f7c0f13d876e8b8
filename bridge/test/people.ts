/** People, programs and devices for tests, made as the commands beside the bridge make them. */

import { hashSecret } from '../identity/secrets.ts'
import { sign } from '../identity/signing.ts'
import { IdentityStore, signingKey } from '../identity/store.ts'
import type { Role } from '../live/access.ts'

export class People {
  readonly #dataDir: string
  readonly #store: IdentityStore

  /** `dataDir` is the bridge's own, which may be running. */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#store = IdentityStore.open(dataDir)
  }

  async addUser(name: string, role: Role, password: string): Promise<void> {
    if (!this.#store.addUser({ name, role, password: await hashSecret(password, 'password') }))
      throw new Error(`${name} is taken`)
  }

  removeUser(name: string): void {
    this.#store.removeUser(name)
  }

  /** Returns the token. */
  addToken(name: string, role: Role, expiresAtMs: number | null = null): string {
    const row = this.#store.addToken({ name, role, expiresAtMs })
    if (row === null) throw new Error(`${name} is taken`)
    const { identity, version } = row
    return sign({ kind: 'token', identity, version, expiresAtMs }, signingKey(this.#dataDir))
  }

  async addDevice(id: string, secret: string): Promise<void> {
    const kept = await hashSecret(secret, 'generated')
    if (!this.#store.addDevice({ id, secret: kept, gateway: false, allow: [] }))
      throw new Error(`${id} is taken`)
  }

  revokeToken(name: string): void {
    this.#store.revokeToken(name)
  }

  close(): void {
    this.#store.close()
  }
}
