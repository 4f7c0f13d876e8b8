/** The frame's left side, or its foot on a small screen: the views, the rooms, the connection. */

import { useMemo } from 'preact/hooks'
import { groupByRoom, worstOf } from '../data/arrange.ts'
import { connection, lastGoodMs, readingsPerSecond, skippedPerSecond } from '../data/connection.ts'
import { counts, devices, layoutVersion } from '../data/fleet.ts'
import { ledger, readiness } from '../data/health.ts'
import { isPhoneSending } from '../data/phone.ts'
import { formatRoute, route } from '../route.ts'
import { openRoom } from '../views/fold.ts'
import { scrollToRoom } from '../views/scroll-to-room.ts'
import { clockSeconds, formatNumber, plural } from '../words/format.ts'
import { BrandIcon, FleetIcon, HealthIcon, LiveIcon, MessagesIcon, PhoneIcon, WarningIcon } from './icons.tsx'
import { StateMark } from './mark.tsx'

/** More than this waiting for the store is a backlog worth a word. */
const BACKLOG_ABOVE = 5_000

/** From another view the fleet is made first. */
const FLEET_STANDS_MS = 50

const TABS = [
  { view: 'fleet', label: 'Fleet', icon: FleetIcon },
  { view: 'messages', label: 'Messages', icon: MessagesIcon },
  { view: 'health', label: 'Health', icon: HealthIcon },
  { view: 'sensor', label: 'This phone', icon: PhoneIcon },
] as const

export function Rail() {
  const { view } = route.value
  const current = view === 'device' || view === 'connect' ? 'fleet' : view
  const held = ledger.value?.quarantined ?? 0
  return (
    <header class="rail">
      <a class="brand" href="#/fleet" aria-label="Trestle">
        <BrandIcon />
        <span>Trestle</span>
      </a>
      <nav aria-label="Views">
        <div class="tabs">
          {TABS.map(({ view, label, icon: Icon }) => (
            <a
              key={view}
              class="tab"
              href={`#/${view}`}
              {...(current === view && { 'aria-current': 'page' as const })}
            >
              <Icon />
              <span>{label}</span>
              {view === 'messages' && held > 0 && <span class="badge">{formatNumber(held, 0)} held</span>}
              {view === 'sensor' && isPhoneSending.value && <span class="badge is-sending">sending</span>}
            </a>
          ))}
        </div>
      </nav>
      <Rooms />
      <Foot />
    </header>
  )
}

function Rooms() {
  const version = layoutVersion.value
  // The marks follow the states.
  counts.value
  const groups = useMemo(
    () => groupByRoom([...devices.values()]).filter(group => group.name !== ''),
    [version],
  )
  if (groups.length < 2) return null
  return (
    <nav class="rooms" aria-label="Rooms">
      <h2>Rooms</h2>
      {groups.map(group => {
        const worst = worstOf(group.devices)
        return (
          <a
            key={group.name}
            class="room-link"
            href={formatRoute('fleet')}
            onClick={() => {
              openRoom(group.name, true)
              setTimeout(() => scrollToRoom(group.name), FLEET_STANDS_MS)
            }}
          >
            <span>{group.name}</span>
            {worst && <StateMark state={worst} />}
            <span class="note">{group.devices.length}</span>
          </a>
        )
      })}
    </nav>
  )
}

function Foot() {
  const isAway = connection.value.kind === 'away'
  return (
    <div class="foot">
      <div class="foot-line">
        <span class="connection" data-kind={connection.value.kind}>
          {isAway ? <WarningIcon /> : <LiveIcon />}
          <span>{isAway ? 'Reconnecting' : connection.value.kind === 'live' ? 'Live' : 'Connecting'}</span>
        </span>
        {!isAway && (
          <span>
            {formatNumber(readingsPerSecond.value, readingsPerSecond.value < 9.95 ? 1 : 0)} readings/s
          </span>
        )}
      </div>
      {!isAway && skippedPerSecond.value >= 1 && (
        <div>{plural(Math.round(skippedPerSecond.value), 'value')} a second between frames not drawn</div>
      )}
      <div>{isAway ? `Last live ${clockSeconds(lastGoodMs.peek())}` : storeWords()}</div>
    </div>
  )
}

function storeWords(): string {
  const account = ledger.value
  if (!account) return ''
  if (readiness.value?.ready === false) return 'Not taking messages'
  if (readiness.value?.store?.ok === false) return 'Store away, messages wait'
  return account.waiting > BACKLOG_ABOVE
    ? `${formatNumber(account.waiting, 0)} wait for the store`
    : 'Store keeps up'
}
