/** Who is known, as the bridge keeps it in memory: found by name, by identity, by client id. */

import type { Access } from '../../broker/access.ts'
import { isAssigned } from '../../broker/assigned-id.ts'
import { deviceAccess, roleAccess } from './permissions.ts'
import type { DeviceRow, KnownIdentities, TokenRow, UserRow } from './store.ts'

export type Subject =
  | { readonly kind: 'device'; readonly row: DeviceRow; readonly access: Access }
  | { readonly kind: 'user'; readonly row: UserRow; readonly access: Access }
  | { readonly kind: 'token'; readonly row: TokenRow; readonly access: Access }

type Kind = Subject['kind']
type SubjectOf<K extends Kind> = Extract<Subject, { kind: K }>

/** Longest id of a device: no client id needs to be looked at beyond. */
const MAX_DEVICE_ID = 64

export class Known {
  readonly devices = new Map<string, SubjectOf<'device'>>()
  readonly users = new Map<string, SubjectOf<'user'>>()
  readonly #byIdentity = new Map<string, Subject>()
  /** By fingerprint; null: dead. */
  readonly #certificates = new Map<string, string | null>()

  /**
   * Subjects that did not change are those of `before`: the same object means the same rights. `owners` tells whose
   * client ids are whose, now and later.
   */
  constructor(
    rows: KnownIdentities,
    before: Known | null,
    owners: { ownerOf(clientId: string): string | null },
  ) {
    for (const row of rows.devices) {
      const make = (): SubjectOf<'device'> => ({
        kind: 'device',
        row,
        access: deviceAccess(
          row.id,
          { isGateway: row.gateway, allow: row.allow },
          {
            identity: row.identity,
            mayUse: clientId => isAnybodys(clientId) || owners.ownerOf(clientId) === row.id,
          },
        ),
      })
      this.devices.set(row.id, this.#add(row, before, make))
    }
    const isNobodys = (clientId: string) => isAnybodys(clientId) || owners.ownerOf(clientId) === null
    const accessOf = ({ role, identity }: UserRow | TokenRow) =>
      roleAccess(role, { identity, mayUse: isNobodys })
    for (const row of rows.users) {
      const make = (): SubjectOf<'user'> => ({ kind: 'user', row, access: accessOf(row) })
      this.users.set(row.name, this.#add(row, before, make))
    }
    for (const row of rows.tokens)
      this.#add(row, before, () => ({ kind: 'token', row, access: accessOf(row) }))
    for (const { fingerprint, identity, dead } of rows.certificates)
      this.#certificates.set(fingerprint, dead ? null : identity)
  }

  withIdentity(identity: string): Subject | null {
    return this.#byIdentity.get(identity) ?? null
  }

  get subjects(): Iterable<Subject> {
    return this.#byIdentity.values()
  }

  /** The device that a client id belongs to: `X`, or `X-...` where no longer name fits. */
  ownerOf(clientId: string): string | null {
    if (this.devices.has(clientId)) return clientId
    for (
      let end = clientId.lastIndexOf('-', MAX_DEVICE_ID);
      end > 0;
      end = clientId.lastIndexOf('-', end - 1)
    ) {
      const id = clientId.slice(0, end)
      if (this.devices.has(id)) return id
    }
    return null
  }

  /** Undefined: never shown; null: dead. */
  certificateOwner(fingerprint: string): string | null | undefined {
    return this.#certificates.get(fingerprint)
  }

  noteCertificate(fingerprint: string, identity: string): void {
    this.#certificates.set(fingerprint, identity)
  }

  #add<S extends Subject>(row: S['row'], before: Known | null, make: () => S): S {
    const earlier = before?.withIdentity(row.identity) ?? null
    const subject = earlier !== null && isSame(earlier.row, row) ? (earlier as S) : make()
    this.#byIdentity.set(row.identity, subject)
    return subject
  }
}

/** None, or one that the broker made. */
export function isAnybodys(clientId: string): boolean {
  return clientId === '' || isAssigned(clientId)
}

/** Also of another file, as after a restore. */
function isSame(a: Subject['row'], b: Subject['row']): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

export const NOBODY: KnownIdentities = {
  devices: [],
  users: [],
  tokens: [],
  certificates: [],
  endedSessions: [],
}
