/** One sentence when something is wrong with the whole: what is so, since when, what happens next. */

import { useSignal, useSignalEffect } from '@preact/signals'
import type { ComponentChildren, RefObject } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { serverNow } from '../data/clock.ts'
import { connection, lastGoodMs, live } from '../data/connection.ts'
import { readiness } from '../data/health.ts'
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
  if (state.kind !== 'away')
    return <div role="status">{storeSentence() && <Bar element={element}>{storeSentence()}</Bar>}</div>
  const asOf = lastGoodMs.peek()
  return (
    <div role="status">
      <Bar element={element}>
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
      </Bar>
    </div>
  )
}

interface BarProps {
  readonly element: RefObject<HTMLDivElement | null>
  readonly children: ComponentChildren
}

function Bar({ element, children }: BarProps) {
  return (
    <div ref={element} class="banner">
      <WarningIcon />
      {children}
    </div>
  )
}

/** What the bridge says of itself that a person should know; null when all is well. */
function storeSentence() {
  const state = readiness.value
  if (!state) return null
  if (!state.ready) {
    return (
      <>
        <strong>The bridge takes no messages now.</strong>
        <span>
          {state.reason ?? 'The disk does not answer.'} Devices are asked to keep theirs until there is room.
        </span>
      </>
    )
  }
  if (state.store?.ok !== false) return null
  return (
    <>
      <strong>
        The store is away{state.store.since ? ` since ${clockSeconds(state.store.since)}` : ''}.
      </strong>
      <span>Messages wait on disk, nothing is lost.</span>
    </>
  )
}
