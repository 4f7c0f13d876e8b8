/**
 * Sessions of the page and API tokens: small statements, signed with a secret of this data directory. Whoever has the
 * secret can check them without asking anybody; what was revoked since is told by the version in them, and a session
 * that was logged out of by its name.
 *
 *   trestle_<statement, base64url JSON>.<HMAC-SHA256, base64url>
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

const PREFIX = 'trestle_'
const KEY_BYTES = 32
const MAX_LENGTH = 512

const statementSchema = z.object({
  /** What it opens: a browser's session, or the API. */
  kind: z.enum(['session', 'token']),
  /** Of the user or token that it speaks for. */
  identity: z.string(),
  /** A change of the user's password or role makes it another. */
  version: z.number().int(),
  /** Milliseconds since the epoch; null: it does not end by itself. */
  expiresAtMs: z.number().nullable(),
  /** Which of that user's sessions it is: one that was logged out of holds no longer. */
  session: z.string().min(1).optional(),
})

export type Statement = z.infer<typeof statementSchema>

export function looksSigned(text: string): boolean {
  return text.startsWith(PREFIX)
}

export function sign(statement: Statement, key: Buffer): string {
  const body = Buffer.from(JSON.stringify(statement)).toString('base64url')
  return `${PREFIX}${body}.${macOf(body, key).toString('base64url')}`
}

/** Null: it is not ours, or damaged. Whether it still holds is not asked here. */
export function readSigned(text: string, key: Buffer): Statement | null {
  const match = text.length <= MAX_LENGTH ? /^trestle_([\w-]+)\.([\w-]{43})$/.exec(text) : null
  if (match === null) return null
  const [, body, mac] = match as unknown as [string, string, string]
  if (!timingSafeEqual(macOf(body, key), Buffer.from(mac, 'base64url'))) return null
  const parsed = statementSchema.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()))
  return parsed.success ? parsed.data : null
}

/** Null: there is none. Throws when it cannot be used. */
export function readKey(path: string): Buffer | null {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length !== KEY_BYTES) throw new Error('is damaged')
  return key
}

/** Made once, by whoever comes first: a link never replaces. */
export function makeKey(path: string): void {
  const mine = `${path}.${process.pid}.new`
  writeFileSync(mine, `${randomBytes(KEY_BYTES).toString('base64url')}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(mine, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(mine)
  }
}

function macOf(body: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(body).digest()
}
