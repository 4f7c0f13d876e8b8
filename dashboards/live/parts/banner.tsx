/** One sentence when this page is cut off: what is so, since when, what happens next. */

import { useSignal, useSignalEffect } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { serverNow } from '../data/clock.ts'
import { connection, lastGoodMs, live } from '../data/connection.ts'
import { clockSeconds, formatAge } from '../words/format.ts'
import { WarningIcon } from './icons.tsx'

export function Banner() {
  const state = connection.value
  const element = useRef<HTMLDivElement>(null)
  const now = useSignal(Date.now())
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now()
    }, 500)
    return () => clearInterval(timer)
  }, [])
  useSignalEffect(() => {
    if (connection.value.kind === 'away') now.value = Date.now()
  })
  // Sticky heads below stand under it, however many lines it takes.
  useLayoutEffect(() => {
    const height = element.current?.offsetHeight ?? 0
    document.documentElement.style.setProperty('--banner', `${height}px`)
  })
  if (state.kind !== 'away') return <div role="status" />
  const asOf = lastGoodMs.peek()
  return (
    <div role="status">
      <div ref={element} class="banner">
        <WarningIcon />
        <strong>
          {state.isRefused ? 'The bridge refused this page.' : 'This page lost its connection to the bridge.'}
        </strong>
        {asOf > 0 && (
          <span aria-live="off">
            Values are from {clockSeconds(asOf)}, {formatAge(serverNow() - asOf)} ago. The gap fills in once
            it is back.
          </span>
        )}
        <span class="banner-action" aria-live="off">
          {state.retryAtMs === null
            ? 'Trying now'
            : `Next try in ${Math.max(1, Math.ceil((state.retryAtMs - now.value) / 1000))} s`}
          <button type="button" class="button small" onClick={() => live.connect()}>
            Try now
          </button>
        </span>
      </div>
    </div>
  )
}
