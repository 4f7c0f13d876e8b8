/** Who is logged in at this page, and whether anybody needs to be. */

import { computed, signal } from '@preact/signals'
import { fetchSession, type Login, postLogin, postLogout, type Session, whenUnknown } from './api.ts'
import { setServerTime } from './clock.ts'

/** The page does not wait longer for a bridge that may be away: it shows what it can. */
const PATIENCE_MS = 1_500
const FOR_NOW = 'trestle.out-for-now'
const UNKNOWN: Session = { needsLogin: false, principal: null }

/** Null until the bridge was asked. */
export const session = signal<Session | null>(null)
/** Whoever was here has logged out, and the bridge could not write that down yet; until somebody logs in. */
export const isOutForNow = signal(takeForNow())
/** Somebody was logged in here before. */
export const hasEnded = signal(false)

export const isOut = computed(() => session.value?.needsLogin === true && session.value.principal === null)
/** Whether commands and replays are for whoever is here. The bridge has the last word. */
export const mayAct = computed(() => session.value?.principal?.role !== 'viewer')
/** The same for what changes the house itself. Where access is open, everybody is an admin. */
export const mayAdminister = computed(() => (session.value?.principal?.role ?? 'admin') === 'admin')

let learning: Promise<void> | null = null

export function startSession(): void {
  whenUnknown(() => void learnSession())
  void learnSession()
  setTimeout(() => {
    session.value ??= UNKNOWN
  }, PATIENCE_MS)
}

/** Asks the bridge; several at once ask once. */
export function learnSession(): Promise<void> {
  learning ??= learn().finally(() => {
    learning = null
  })
  return learning
}

async function learn(): Promise<void> {
  const answer = await fetchSession()
  if (!answer.ok) {
    session.value ??= UNKNOWN
    return
  }
  const { timeMs, ...found } = answer.value
  if (found.principal === null && session.value?.principal) hasEnded.value = true
  session.value = found
  // Without a live connection this is the only word about the time.
  if (isOut.value && Number.isFinite(timeMs)) setServerTime(timeMs)
}

export async function logIn(name: string, password: string): Promise<Login> {
  const login = await postLogin(name, password)
  if (login.kind === 'in') {
    session.value = login.session
    isOutForNow.value = false
  }
  return login
}

/** What was shown goes with whom it was shown to. Returns why it could not be done, if it could not. */
export async function logOut(): Promise<string> {
  const answer = await postLogout()
  if (!answer.ok) return answer.reason
  if (answer.value === 'out-for-now') keepForNow()
  location.reload()
  return ''
}

/** Storage may be forbidden: then nobody is told, and the page does all else. */
function keepForNow(): void {
  try {
    sessionStorage.setItem(FOR_NOW, '1')
  } catch (error) {
    console.info('The next page will not tell of this logout:', error)
  }
}

/** Once: the page that begins after the logout tells it. */
function takeForNow(): boolean {
  try {
    const isForNow = sessionStorage.getItem(FOR_NOW) !== null
    sessionStorage.removeItem(FOR_NOW)
    return isForNow
  } catch {
    return false
  }
}
