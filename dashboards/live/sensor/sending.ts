/** Sending: samples the sensors that are on, at the rate chosen, into the outbox. Goes on while other views are looked at. */

import { effect, signal } from '@preact/signals'
import { serverNow } from '../data/clock.ts'
import { isPhoneSending } from '../data/phone.ts'
import { Outbox } from './outbox.ts'
import { runWanted, sensors } from './sensors.ts'
import { secret, settings, topicBase } from './settings.ts'
import type { Uplink } from './uplink.ts'

/** What changes seldom is said again after so long, so that it does not look late. */
const SLOW_AGAIN_MS = 20_000
const TRAIL_MS = 200

export const outbox = new Outbox()
/** Whether the screen is kept on; `refused` where the browser does not. */
export const awake = signal<'off' | 'on' | 'refused'>('off')

let uplink: Uplink | null = null
let timer: ReturnType<typeof setInterval> | undefined
let lock: WakeLockSentinel | null = null
const slowSaid = new Map<string, { readonly text: string; readonly ms: number }>()

setInterval(() => {
  for (const { main, trail } of sensors) if (main !== null) trail.add(main)
}, TRAIL_MS)

/** Who it is stands in the connection: another makes it anew. */
export async function startAgain(): Promise<void> {
  if (!isPhoneSending.value) return
  await stop()
  await start()
}

export async function start(): Promise<void> {
  if (isPhoneSending.value) return
  isPhoneSending.value = true
  runWanted()
  slowSaid.clear()
  const { openUplink } = await import('./uplink.ts')
  if (isPhoneSending.value) uplink = openUplink(settings.value, secret.value, outbox)
}

export async function stop(): Promise<void> {
  isPhoneSending.value = false
  const ended = uplink
  uplink = null
  await ended?.close()
}

effect(() => {
  clearInterval(timer)
  if (isPhoneSending.value) timer = setInterval(sample, 1000 / settings.value.rate)
})

effect(() => {
  if (isPhoneSending.value && settings.value.isAwake) void stayAwake()
  else void sleep()
})
// A screen that was off, or a tab that was left, has lost the lock.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && isPhoneSending.value && settings.value.isAwake) void stayAwake()
})

function sample(): void {
  const values = Object.assign({}, ...sensors.map(sensor => sensor.values && newsOf(sensor)))
  if (Object.keys(values).length === 0) return
  // The server's clock as this page knows it: a phone whose clock is wrong still tells the right time.
  const payload = JSON.stringify({ ts: Math.round(serverNow()), ...values })
  outbox.put({ topic: `${topicBase(settings.value)}/state`, payload })
}

function newsOf({ plan, values }: (typeof sensors)[number]): typeof values {
  if (!plan.isSlow) return values
  const text = JSON.stringify(values)
  const said = slowSaid.get(plan.key)
  const nowMs = performance.now()
  if (said && said.text === text && nowMs - said.ms < SLOW_AGAIN_MS) return null
  slowSaid.set(plan.key, { text, ms: nowMs })
  return values
}

async function stayAwake(): Promise<void> {
  if (lock && !lock.released) return
  try {
    lock = await navigator.wakeLock.request('screen')
    awake.value = 'on'
  } catch {
    // Absent over plain http, and refused while the battery is low.
    awake.value = 'refused'
  }
}

async function sleep(): Promise<void> {
  await lock?.release()
  lock = null
  awake.value = 'off'
}
