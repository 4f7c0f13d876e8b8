/**
 * The address says everything that a view shows: view, selection, filter, range. It is the part after `#`, so
 * that the server needs to know one page only and a reload or a shared link shows the same.
 */

import { signal } from '@preact/signals'
import { takeCredentials } from './data/phone.ts'
import { DAY, HOUR, MINUTE } from './words/format.ts'

export const VIEWS = ['fleet', 'device', 'messages', 'health', 'sensor', 'connect'] as const
export type View = (typeof VIEWS)[number]

export interface Route {
  readonly view: View
  /** The device shown; empty elsewhere. */
  readonly id: string
  readonly params: Readonly<Record<string, string>>
}

/** For a fleet that is only minutes old. */
export const YOUNG_RANGE = { key: '4m', label: '4 min', ms: 4 * MINUTE } as const
/** In the order of keys 1 to 6. */
export const RANGES = [
  { key: '15m', label: '15 min', ms: 15 * MINUTE },
  { key: '1h', label: '1 h', ms: HOUR },
  { key: '6h', label: '6 h', ms: 6 * HOUR },
  { key: '24h', label: '24 h', ms: DAY },
  { key: '7d', label: '7 d', ms: 7 * DAY },
  { key: '30d', label: '30 d', ms: 30 * DAY },
] as const
export type Range = (typeof RANGES)[number] | typeof YOUNG_RANGE

/** The range that the address names, else `fallback`. */
export function rangeOf(params: Readonly<Record<string, string>>, fallback: Range = RANGES[1]): Range {
  return [YOUNG_RANGE, ...RANGES].find(range => range.key === params.range) ?? fallback
}

/** The longest range that what is there can fill for the better part: an hour of paper for a minute of line says little. */
export function fittingRange(dataAgeMs: number): Range {
  if (dataAgeMs < 3.5 * MINUTE) return YOUNG_RANGE
  return dataAgeMs < 12 * MINUTE ? RANGES[0] : RANGES[1]
}

/** Anything that is not an address of ours is the fleet. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const [name = '', id = ''] = path.split('/', 2)
  const params = Object.fromEntries(new URLSearchParams(query))
  const view = VIEWS.find(view => view === name)
  if (view === undefined || (view === 'device' && id === '')) return { view: 'fleet', id: '', params }
  return { view, id: view === 'device' ? decode(id) : '', params }
}

export function formatRoute(view: View, id = '', params: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString()
  return `#/${view}${id === '' ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const route = signal<Route>({ view: 'fleet', id: '', params: {} })

export function startRouting(): void {
  const read = () => {
    const hash = takeCredentials(location.hash)
    if (hash !== location.hash) history.replaceState(null, '', hash)
    route.value = parseRoute(location.hash)
  }
  read()
  addEventListener('hashchange', read)
}

export function go(view: View, id = '', params: Readonly<Record<string, string>> = {}): void {
  location.hash = formatRoute(view, id, params)
}

/** Changes a part of the address without a new step in the browser's history: a filter is not a place. */
export function setParams(changes: Readonly<Record<string, string>>): void {
  const { view, id, params } = route.value
  history.replaceState(null, '', formatRoute(view, id, { ...params, ...changes }))
  route.value = parseRoute(location.hash)
}
