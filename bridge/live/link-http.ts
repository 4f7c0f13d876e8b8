/** What the links over plain HTTP have in common. Runs in browsers too. */

import { ENDED_ABNORMALLY, type LinkOptions } from './link.ts'
import {
  CLOSE,
  type CommandFrame,
  type CommandReply,
  type ServerFrame,
  type SubscribeFrame,
  type SubscribeMessagesFrame,
} from './protocol.ts'

export type AnySubscribe = SubscribeFrame | SubscribeMessagesFrame

/** A request that did not give what was asked for; `code` is the close code that a WebSocket would have got. */
export class LinkFailure extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** What was asked for cannot be had; others may. */
export class RequestRefused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** `/live/events` or `/live/poll` for a subscription; null asks for a hello only. */
export function requestUrl(
  base: URL,
  path: 'events' | 'poll',
  subscribe: AnySubscribe | null,
  cursor?: string,
): URL {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/$/, '')}/${path}`
  if (!subscribe) {
    url.searchParams.set('stream', 'none')
    return url
  }
  const { op: _op, id: _id, ...wishes } = subscribe
  for (const [name, value] of Object.entries(wishes)) {
    if (Array.isArray(value)) for (const item of value) url.searchParams.append(name, item)
    else if (value !== undefined && name !== 'resume') url.searchParams.set(name, String(value))
  }
  if (cursor !== undefined) url.searchParams.set('cursor', cursor)
  return url
}

export async function get(url: URL, { token }: LinkOptions, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { headers: authorization(token), signal, cache: 'no-store' })
  if (response.ok) return response
  const { code, detail } = await problemOf(response)
  if (response.status === 400) throw new RequestRefused(code, detail ?? code)
  throw new LinkFailure(closeCodeOf(response.status), detail ?? code)
}

/** Commands go by the HTTP API. */
export async function postCommand(frame: CommandFrame, { url, token, onFrame }: LinkOptions): Promise<void> {
  const { id, device, ...command } = frame
  try {
    const address = new URL(`api/devices/${encodeURIComponent(device)}/commands`, url)
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization(token) },
      body: JSON.stringify({ ...command, op: undefined }),
    })
    onFrame(response.ok ? await resultOf(id, response) : await errorOf(id, response))
  } catch {
    onFrame({ op: 'error', id, code: 'connection-lost', message: 'the connection ended before the answer' })
  }
}

async function resultOf(id: CommandFrame['id'], response: Response): Promise<ServerFrame> {
  const { result, answer } = (await response.json()) as CommandReply
  return { op: 'result', id, ok: true, result, ...(answer && { answer }) }
}

async function errorOf(id: CommandFrame['id'], response: Response): Promise<ServerFrame> {
  const { code, detail } = await problemOf(response)
  return { op: 'error', id, code, message: detail ?? code }
}

async function problemOf(response: Response): Promise<{ code: string; detail?: string }> {
  const fallback = { code: `http-${response.status}` }
  try {
    return { ...fallback, ...((await response.json()) as object) }
  } catch {
    return fallback
  }
}

function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

function closeCodeOf(status: number): number {
  switch (status) {
    case 401:
      return CLOSE.notAuthorised
    case 403:
      return CLOSE.forbidden
    case 503:
      return CLOSE.full
    default:
      return ENDED_ABNORMALLY
  }
}
