/** This browser as a device: whether it is sending, and who a code made it. The sensor view does the rest. */

import { signal } from '@preact/signals'

export const isPhoneSending = signal(false)

export interface DeviceCredentials {
  readonly username: string
  readonly password: string
}

/** From the code that was scanned; the sensor view takes them. */
export const scanned = signal<DeviceCredentials | null>(null)

/**
 * `#/sensor?username=<id>&password=<secret>` is what `trestle device add` draws as a code. What stands behind `#` is in
 * no request; here it leaves the address too, so that it is in no history, bookmark or picture of the screen. Returns
 * the address without it.
 */
export function takeCredentials(hash: string): string {
  const [path = '', query = ''] = hash.split('?', 2)
  const params = new URLSearchParams(query)
  const username = params.get('username')
  const password = params.get('password')
  if (!/^#\/?sensor$/.test(path) || (username === null && password === null)) return hash
  if (username && password) scanned.value = { username, password }
  params.delete('username')
  params.delete('password')
  const rest = params.toString()
  return rest === '' ? path : `${path}?${rest}`
}
