/** Before everything else, where the bridge knows people: who is it. */

import { useEffect, useRef, useState } from 'preact/hooks'
import type { Login as Outcome } from '../data/api.ts'
import { hasEnded, isOutForNow, logIn } from '../data/session.ts'
import { BrandIcon } from '../parts/icons.tsx'
import { TrestleDrawing } from '../parts/trestle-drawing.tsx'

const isOpenToEars = location.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(location.hostname)

export function Login() {
  const [mistake, setMistake] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [waitS, setWaitS] = useState(0)
  const [isShown, setShown] = useState(false)
  const first = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  useEffect(() => first.current?.focus(), [])
  useEffect(() => {
    if (waitS === 0) return
    const timer = setTimeout(() => setWaitS(waitS - 1), 1000)
    return () => clearTimeout(timer)
  }, [waitS])

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    setMistake('')
    const outcome = await logIn(String(form.get('username')).trim(), String(form.get('password')))
    if (outcome.kind === 'in') return
    setBusy(false)
    setMistake(words(outcome))
    if (outcome.kind === 'too-many') setWaitS(outcome.retryAfterS)
    password.current?.select()
  }

  return (
    <main class="login" id="content">
      <div class="login-form">
        <p class="brand">
          <BrandIcon />
          <span>Trestle</span>
        </p>
        <h1>Sign in</h1>
        <p class="quiet">
          {hasEnded.value
            ? 'Your session ended. You come back to where you were.'
            : `to the bridge at ${location.host}`}
        </p>
        {isOutForNow.value && (
          <p class="login-note" role="status">
            You are signed out. The bridge could not write that down yet and goes on trying: should it restart
            before, a copy of your session would be let in again. Whoever runs the bridge should look at its
            disk.
          </p>
        )}
        <form onSubmit={event => void submit(event)}>
          <label>
            User name
            <span class="field">
              <input
                ref={first}
                name="username"
                autocomplete="username"
                autocapitalize="off"
                spellcheck={false}
                maxLength={256}
                required
              />
            </span>
          </label>
          <label for="password">Password</label>
          <span class="field">
            <input
              ref={password}
              id="password"
              name="password"
              {...(isShown ? { type: 'text' as const } : { type: 'password' as const })}
              autocomplete="current-password"
              autocapitalize="off"
              spellcheck={false}
              maxLength={1024}
              required
              aria-describedby="login-mistake"
            />
            <button
              type="button"
              class="link"
              aria-pressed={isShown}
              aria-label={isShown ? 'Hide the password' : 'Show the password'}
              onClick={() => setShown(!isShown)}
            >
              {isShown ? 'Hide' : 'Show'}
            </button>
          </span>
          <button type="submit" class="button primary" disabled={isBusy || waitS > 0}>
            {isBusy ? 'Signing in' : waitS > 0 ? `Wait ${waitS} s` : 'Sign in'}
          </button>
          <p class="login-mistake" id="login-mistake" role="alert">
            {mistake}
          </p>
        </form>
        <p class="note">
          No account? Whoever runs the bridge adds one with <code>npm run trestle -- user add</code>.
        </p>
        {isOpenToEars && (
          <p class="note">
            This page came over plain http: who listens on the network can read the password.{' '}
            <code>trestle tls init</code> makes a certificate.
          </p>
        )}
      </div>
      <TrestleDrawing />
    </main>
  )
}

function words(outcome: Exclude<Outcome, { kind: 'in' }>): string {
  switch (outcome.kind) {
    case 'wrong':
      return 'The user name or the password is wrong.'
    case 'too-many':
      return 'Too many attempts. Wait a little, then try again.'
    case 'failed':
      return outcome.reason
  }
}
