/** Single keys, as the `?` list tells them. They work outside fields only, and can be turned off. */

import { signal } from '@preact/signals'
import { go, RANGES, route, setParams } from './route.ts'
import { keep, remember } from './theme.ts'

const KEY = 'trestle.keys'
/** `g` waits this long for the letter of a view. */
const PREFIX_MS = 1200

export const isHelpOpen = signal(false)
export const areKeysOn = signal(remember(KEY) !== 'off')

export function setKeysOn(isOn: boolean): void {
  areKeysOn.value = isOn
  keep(KEY, isOn ? 'on' : 'off')
}

/** What a view does with a key of its own; true when it took it. */
export type KeyHandler = (key: string) => boolean

const handlers = new Set<KeyHandler>()

/** Adds keys of a view until the returned function is called. */
export function addKeys(handler: KeyHandler): () => void {
  handlers.add(handler)
  return () => handlers.delete(handler)
}

const askViews = (key: string) => [...handlers].some(handler => handler(key))

export function startKeyboard(): void {
  let prefixUntilMs = 0
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    // While something is asked, what is behind it hears nothing; Escape is the browser's.
    if (document.querySelector('dialog[open]')) return
    const target = event.target as HTMLElement
    if (event.key === 'Escape') return leave(event, target)
    if (target.closest('input:not([type=radio], [type=checkbox]), textarea, select')) return
    const isPrefixed = performance.now() < prefixUntilMs
    prefixUntilMs = 0
    const isNamed = event.key.length > 1
    if (!areKeysOn.value && !isNamed) return
    if (event.key === 'g' && !isPrefixed) prefixUntilMs = performance.now() + PREFIX_MS
    else if (isPrefixed ? goTo(event.key) : askViews(event.key) || common(event.key, target))
      event.preventDefault()
  })
}

function goTo(letter: string): boolean {
  const view = ({ f: 'fleet', m: 'messages', h: 'health', s: 'sensor' } as const)[letter]
  if (!view) return false
  go(view)
  return true
}

function common(key: string, target: HTMLElement): boolean {
  const range = RANGES[Number(key) - 1]
  if (range && /^(fleet|device)$/.test(route.value.view)) {
    setParams({ range: range.key, from: '', to: '' })
    return true
  }
  if (key === '/') {
    const search = document.querySelector<HTMLInputElement>('input[type=search]')
    search?.select()
    return search !== null
  }
  if (key === '?') {
    isHelpOpen.value = true
    return true
  }
  if (route.value.view !== 'fleet') return false
  if (key === '.') {
    setParams({ kind: route.value.params.kind === 'attention' ? '' : 'attention' })
    return true
  }
  const step = key === 'j' || key === 'ArrowDown' ? 1 : key === 'k' || key === 'ArrowUp' ? -1 : 0
  // Arrows scroll the page until a row is in focus.
  if (step === 0 || (key.length > 1 && !target.closest('.row'))) return false
  return focusRow(step)
}

function focusRow(step: number): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('.row .name a')]
  const at = links.indexOf(document.activeElement as HTMLElement)
  const next = links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]
  next?.focus({ preventScroll: true })
  next?.scrollIntoView({ block: 'center' })
  return next !== undefined
}

function leave(event: KeyboardEvent, target: HTMLElement): void {
  const open = document.querySelector<HTMLDetailsElement>('details.menu[open]')
  if (open) {
    open.open = false
    open.querySelector('summary')?.focus()
    return
  }
  if (target instanceof HTMLInputElement && target.type === 'search') {
    if (target.value === '') target.blur()
    else setParams({ q: '' })
    return
  }
  if (askViews('Escape')) event.preventDefault()
}
