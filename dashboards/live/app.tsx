/** The frame around the views. */

import { useEffect, useRef } from 'preact/hooks'
import { isOut, session } from './data/session.ts'
import { AlarmAnnouncer } from './parts/announcer.tsx'
import { Banner } from './parts/banner.tsx'
import { BrandIcon } from './parts/icons.tsx'
import { KeyHelp } from './parts/key-help.tsx'
import { MarkShapes } from './parts/mark.tsx'
import { Rail } from './parts/rail.tsx'
import { route } from './route.ts'
import { Connect } from './views/connect.tsx'
import { DeviceView } from './views/device.tsx'
import { FleetView } from './views/fleet.tsx'
import { HealthView } from './views/health.tsx'
import { LazySensorView } from './views/lazy-sensor.tsx'
import { LeftBehind } from './views/left-behind.tsx'
import { Login } from './views/login.tsx'
import { MessagesView } from './views/messages.tsx'

export function App() {
  if (session.value === null) return null
  if (!isOut.value) return <Frame />
  // A phone that is a device of its own needs nobody to be logged in at it.
  return route.value.view === 'sensor' ? <GuestFrame /> : <Login />
}

function GuestFrame() {
  return (
    <>
      <MarkShapes />
      <main class="work is-guest" id="content">
        <header class="guest-head">
          <a class="brand" href="#/fleet" aria-label="Trestle">
            <BrandIcon />
            <span>Trestle</span>
          </a>
          <a class="button" href="#/fleet">
            Sign in
          </a>
        </header>
        <LazySensorView />
      </main>
    </>
  )
}

function Frame() {
  const { view, id } = route.value
  const main = useRef<HTMLElement>(null)
  const isFirst = useRef(true)
  // Another view begins at its heading, for those who listen as for those who look.
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false
      return
    }
    scrollTo(0, 0)
    main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
  }, [view, id])
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <MarkShapes />
      <div class="frame">
        <Rail />
        <main ref={main} class="work" id="content" tabIndex={-1}>
          <Banner />
          <CurrentView />
        </main>
      </div>
      <AlarmAnnouncer />
      <KeyHelp />
      <LeftBehind />
    </>
  )
}

function CurrentView() {
  const { view, id } = route.value
  switch (view) {
    case 'device':
      return <DeviceView id={id} />
    case 'messages':
      return <MessagesView />
    case 'health':
      return <HealthView />
    case 'sensor':
      return <LazySensorView />
    case 'connect':
      return <Connect />
    default:
      return <FleetView />
  }
}
