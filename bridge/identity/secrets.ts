/**
 * Secrets, and how they are kept: scrypt, in the thread pool, never more than two at once, so that the spool's flushes
 * find a thread there whatever knocks.
 *
 * Generated ones have 160 random bits. No hash makes them harder to guess than they are, so theirs is cheap: 0.5 ms,
 * and 10,000 devices that come back at once are let in within 5 s. People's passwords have little of that, and cost
 * 200 ms and 32 MiB, one at a time.
 */

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

export type SecretKind = 'generated' | 'password'

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

const COSTS: Readonly<Record<SecretKind, Cost>> = {
  generated: { N: 2 ** 8, r: 8, p: 1 },
  password: { N: 2 ** 15, r: 8, p: 3 },
}
const SALT_BYTES = 16
const HASH_BYTES = 32
const SECRET_BYTES = 20
const MAX_MEMORY_BYTES = 64 * 1024 ** 2
/** Longer ones are not looked at: hashing is no reason to read a megabyte. */
const MAX_SECRET_BYTES = 1024

/** 32 characters that need no quotes and look like no option. */
export function generateSecret(): string {
  const digits = 'abcdefghijklmnopqrstuvwxyz234567'
  let secret = ''
  let bits = 0
  let value = 0
  for (const byte of randomBytes(SECRET_BYTES)) {
    value = (value << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) secret += digits[(value >>> (bits - 5)) & 31]
    value &= 31
  }
  return secret
}

/** `scrypt:N:r:p:salt:hash`: says by itself how to check it. */
export async function hashSecret(secret: string, kind: SecretKind): Promise<string> {
  const { N, r, p } = COSTS[kind]
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(secret, salt, HASH_BYTES, { N, r, p, maxmem: MAX_MEMORY_BYTES })
  return formatHash(kind, salt, hash)
}

export async function verifySecret(secret: string, kept: string): Promise<boolean> {
  const parsed = parseHash(kept)
  if (parsed === null || Buffer.byteLength(secret) > MAX_SECRET_BYTES) return false
  const { salt, hash, N, r, p } = parsed
  const given = await derive(secret, salt, hash.length, { N, r, p, maxmem: MAX_MEMORY_BYTES })
  return timingSafeEqual(given, hash)
}

export function parseHash(text: string): (Cost & { readonly salt: Buffer; readonly hash: Buffer }) | null {
  const match = /^scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([\w-]{22}):([\w-]{43})$/.exec(text)
  if (match === null) return null
  const [, N, r, p, salt, hash] = match as unknown as [string, string, string, string, string, string]
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  if (!Number.isInteger(Math.log2(cost.N)) || 128 * cost.N * cost.r > MAX_MEMORY_BYTES) return null
  return { ...cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }
}

/** Work that nobody succeeds at: for names that are not known. */
export function decoyHash(kind: SecretKind): string {
  return formatHash(kind, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES))
}

function formatHash(kind: SecretKind, salt: Buffer, hash: Buffer): string {
  const { N, r, p } = COSTS[kind]
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join(':')
}
