/** What concerns the page itself: who is at it, its theme, its keys. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { logOut, session } from '../data/session.ts'
import { isHelpOpen } from '../keyboard.ts'
import { chooseTheme, THEMES, theme } from '../theme.ts'
import { DotsIcon } from './icons.tsx'

export function PageMenu() {
  const menu = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const close = (event: Event) => {
      if (menu.current?.open && !menu.current.contains(event.target as Node)) menu.current.open = false
    }
    document.addEventListener('pointerdown', close)
    return () => document.removeEventListener('pointerdown', close)
  }, [])
  return (
    <details ref={menu} class="menu">
      <summary class="button plain" aria-label="Page settings" title="Page settings">
        <DotsIcon />
      </summary>
      <div class="menu-body">
        <Person />
        <fieldset>
          <legend class="note">Theme</legend>
          {THEMES.map(name => (
            <label key={name}>
              <input
                type="radio"
                name="theme"
                checked={theme.value === name}
                onChange={() => chooseTheme(name)}
              />
              {name === 'system' ? 'As the system' : name === 'light' ? 'Light' : 'Dark'}
            </label>
          ))}
        </fieldset>
        <button
          type="button"
          onClick={() => {
            isHelpOpen.value = true
          }}
        >
          Keys <span class="key">?</span>
        </button>
      </div>
    </details>
  )
}

function Person() {
  const { needsLogin, principal } = session.value ?? {}
  const [answer, setAnswer] = useState('')
  if (!needsLogin || !principal) return null
  return (
    <div class="menu-person">
      <p>
        <strong>{principal.name}</strong> <span class="note">{principal.role}</span>
      </p>
      <button type="button" onClick={() => void logOut().then(setAnswer)}>
        Sign out
      </button>
      <p class="is-bad" role="status">
        {answer !== '' && `Still signed in: ${answer}`}
      </p>
    </div>
  )
}
