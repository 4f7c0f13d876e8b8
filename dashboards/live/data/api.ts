/** The bridge's HTTP interface, as far as this page asks it. Failures are values: the page goes on without. */

import type { CommandReply, LiveMessage } from '../../../bridge/live/protocol.ts'
import type { DeviceList } from './fleet.ts'

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string }

export interface Principal {
  readonly name: string
  readonly role: 'viewer' | 'operator' | 'admin'
}

export interface Session {
  /** Whether anything is to be had without logging in. */
  readonly needsLogin: boolean
  /** Null: nobody that the bridge knows. */
  readonly principal: Principal | null
}

/** `wrong`: name or password; it is not told which. */
export type Login =
  | { readonly kind: 'in'; readonly session: Session }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'too-many'; readonly retryAfterS: number }
  | { readonly kind: 'failed'; readonly reason: string }

export interface HistoryPoint {
  /** Start of the bucket, milliseconds. */
  readonly time: number
  readonly count: number
  /** Absent for text and switches. */
  readonly mean?: number
  readonly min?: number
  readonly max?: number
  readonly last: number | boolean | string
}

export interface Ledger {
  readonly received: number
  readonly stored: number
  readonly waiting: number
  readonly quarantined: number
  readonly ignored: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
  readonly balanced: boolean
}

export interface Readiness {
  readonly ready: boolean
  /** Why devices are not acknowledged; null when they are. */
  readonly reason: string | null
  readonly store?: { readonly ok: boolean; readonly reason: string | null; readonly since: number | null }
  /** Where devices publish, told to who is logged in; null: there is no such port. */
  readonly mqtt?: number | null
  readonly mqtts?: number | null
  readonly needsCredentials?: boolean
  readonly hasAuthority?: boolean
}

export interface HistoryQuery {
  readonly device: string
  readonly field: string
  readonly fromMs: number
  readonly toMs: number
  readonly points: number
}

let onUnknown: () => void = () => undefined

/** Called when the bridge does not know this page, or does no longer. */
export function whenUnknown(listener: () => void): void {
  onUnknown = listener
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, init)
  if (response.status === 401) onUnknown()
  return response
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** With the server's time, to the second. */
export async function fetchSession(): Promise<Answer<Session & { readonly timeMs: number }>> {
  try {
    const response = await fetch('/api/session')
    if (!response.ok) return { ok: false, reason: `${response.status}` }
    const timeMs = Date.parse(response.headers.get('date') ?? '')
    return { ok: true, value: { ...((await response.json()) as Session), timeMs } }
  } catch {
    return { ok: false, reason: 'away' }
  }
}

export async function postLogin(name: string, password: string): Promise<Login> {
  try {
    const body = JSON.stringify({ name, password })
    const response = await fetch('/api/login', { method: 'POST', headers: JSON_TYPE, body })
    if (response.status === 401) return { kind: 'wrong' }
    if (response.status === 429)
      return { kind: 'too-many', retryAfterS: Number(response.headers.get('retry-after')) || 1 }
    const answer = (await response.json()) as Session & { readonly detail?: string }
    if (response.ok) return { kind: 'in', session: answer }
    return { kind: 'failed', reason: answer.detail ?? `The bridge answers ${response.status}.` }
  } catch {
    return { kind: 'failed', reason: 'The bridge does not answer.' }
  }
}

/** `out-for-now`: a restart of the bridge may bring the session back, as its disk did not take the end of it. */
export async function postLogout(): Promise<Answer<'out' | 'out-for-now'>> {
  try {
    const response = await fetch('/api/logout', { method: 'POST', headers: JSON_TYPE })
    if (response.ok) return { ok: true, value: response.status === 202 ? 'out-for-now' : 'out' }
    return { ok: false, reason: `The bridge answers ${response.status}.` }
  } catch {
    return { ok: false, reason: 'The bridge does not answer.' }
  }
}

export function fetchDevices(): Promise<Answer<DeviceList>> {
  return get('/api/devices')
}

export function fetchLedger(): Promise<Answer<Ledger>> {
  return get('/api/ledger')
}

/** What the decoder says of a message; one of the three. */
export interface Explanation {
  readonly by: string
  readonly readings?: readonly {
    readonly device: string
    readonly field: string
    readonly value: number | boolean | string
    readonly unit?: string
  }[]
  readonly ignored?: true
  readonly rejected?: true
  readonly reason?: string
}

export interface HeldMessage {
  readonly id: number
  readonly topic: string
  readonly reason: string
  /** Arrival, milliseconds. */
  readonly time: number
  readonly payload?: string
  readonly payloadBase64?: string
}

export function fetchQuarantine(): Promise<Answer<{ entries: readonly HeldMessage[] }>> {
  return get('/api/quarantine?limit=200')
}

export async function explain(message: LiveMessage | HeldMessage): Promise<Answer<Explanation>> {
  const { topic, payload, payloadBase64 } = message
  const retain = 'retain' in message ? message.retain : undefined
  const answer = await post<Explanation & { detail?: string }>('/api/explain', {
    topic,
    payload,
    payloadBase64,
    retain,
  })
  return answer.ok && answer.value.detail !== undefined ? { ok: false, reason: answer.value.detail } : answer
}

/** 503 is an answer too: it says why. */
export async function fetchReadiness(): Promise<Answer<Readiness>> {
  try {
    const response = await fetch('/readyz')
    return { ok: true, value: (await response.json()) as Readiness }
  } catch {
    return { ok: false, reason: 'away' }
  }
}

export async function fetchHistory(
  query: HistoryQuery,
  signal?: AbortSignal,
): Promise<Answer<readonly HistoryPoint[]>> {
  const answer = await get<{ points: readonly HistoryPoint[] }>(
    `/api/history?${historyParams(query)}`,
    signal,
  )
  return answer.ok ? { ok: true, value: answer.value.points } : answer
}

function historyParams(query: HistoryQuery): URLSearchParams {
  return new URLSearchParams({
    device: query.device,
    field: query.field,
    from: String(Math.floor(query.fromMs)),
    to: String(Math.ceil(query.toMs)),
    points: String(query.points),
  })
}

async function get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  try {
    const response = await ask(path, { headers: { accept: 'application/json' }, ...(signal && { signal }) })
    if (!response.ok) return { ok: false, reason: `${response.status}` }
    return { ok: true, value: (await response.json()) as T }
  } catch {
    return { ok: false, reason: 'away' }
  }
}

export async function fetchText(path: string): Promise<Answer<string>> {
  try {
    const response = await ask(path)
    return response.ok
      ? { ok: true, value: await response.text() }
      : { ok: false, reason: `${response.status}` }
  } catch {
    return { ok: false, reason: 'away' }
  }
}

/** A refusal's reason is the bridge's sentence. */
export async function sendCommand(
  device: string,
  command: { readonly topic?: string; readonly payload: unknown; readonly qos?: 0 | 1 },
): Promise<Answer<CommandReply>> {
  const path = `/api/devices/${encodeURIComponent(device)}/commands`
  const answer = await post<CommandReply | { result?: undefined; detail?: string }>(path, command)
  if (!answer.ok) return answer
  const { value } = answer
  return value.result ? { ok: true, value } : { ok: false, reason: value.detail ?? 'The bridge refused it.' }
}

/** The body of any answer: problems say what is wrong. */
async function post<T>(path: string, body: unknown): Promise<Answer<T>> {
  try {
    const response = await ask(path, { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
    return { ok: true, value: (await response.json()) as T }
  } catch {
    return { ok: false, reason: 'The bridge does not answer.' }
  }
}

export interface Forgotten {
  /** Topics on which a retained message may still be, which would bring the device back. */
  readonly retainedLeft: readonly string[]
}

/** A refusal's reason is the bridge's sentence. */
export async function forgetDevice(id: string): Promise<Answer<Forgotten>> {
  try {
    const path = `/api/devices/${encodeURIComponent(id)}`
    const response = await ask(path, { method: 'DELETE', headers: JSON_TYPE })
    const answer = (await response.json()) as Forgotten & { readonly detail?: string }
    if (response.ok) return { ok: true, value: answer }
    return { ok: false, reason: answer.detail ?? `The bridge answers ${response.status}.` }
  } catch {
    return { ok: false, reason: 'The bridge does not answer.' }
  }
}

/** What became of the messages that were held. */
export interface Replayed {
  readonly replayed: number
  readonly ignored: number
  readonly kept: number
}

/** Of one topic and reason. */
export type Kind = Pick<HeldMessage, 'topic' | 'reason'>

/** Reads what is held once more, all of it or one kind: what today's decoder understands is stored. */
export async function replayQuarantine(kind?: Kind): Promise<Answer<Replayed>> {
  const answer = await post<Partial<Replayed> & { detail?: string }>('/api/quarantine/replay', kind ?? {})
  if (!answer.ok) return answer
  const { replayed, ignored = 0, kept = 0, detail } = answer.value
  if (replayed === undefined) return { ok: false, reason: detail ?? 'The bridge refused it.' }
  return { ok: true, value: { replayed, ignored, kept } }
}
