/** Light, dark, or as the system has it; a choice is remembered in this browser. */

import { signal } from '@preact/signals'
import { forgetColors } from './chart/colors.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'trestle.theme'

export const theme = signal<Theme>('system')
/** Moves with every change of colours: canvases draw anew. */
export const themeVersion = signal(0)

export function startTheme(): void {
  const kept = remember(KEY)
  theme.value = THEMES.find(name => name === kept) ?? 'system'
  apply()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', apply)
}

export function chooseTheme(name: Theme): void {
  theme.value = name
  keep(KEY, name)
  apply()
}

function apply(): void {
  const root = document.documentElement
  if (theme.value === 'system') delete root.dataset.theme
  else root.dataset.theme = theme.value
  forgetColors()
  themeVersion.value++
}

/** Storage may be forbidden; then a choice lasts as long as the page. */
export function remember(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch (error) {
    console.info('This choice is not kept:', error)
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(key)
  } catch {
    // Then it was never there.
  }
}
