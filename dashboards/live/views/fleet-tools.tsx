/** Above the list: search, kinds, order, range, and the one line about what needs a person. */

import { useMemo } from 'preact/hooks'
import { type KindFilter, kindOfDevice, needsAttention, type Order, severity } from '../data/arrange.ts'
import { serverNow } from '../data/clock.ts'
import { counts, type Device, devices } from '../data/fleet.ts'
import { Choice } from '../parts/choice.tsx'
import { SearchIcon } from '../parts/icons.tsx'
import { StateMark } from '../parts/mark.tsx'
import { PageMenu } from '../parts/page-menu.tsx'
import { Segments } from '../parts/segments.tsx'
import { formatRoute, RANGES, type Range, setParams, YOUNG_RANGE } from '../route.ts'
import { valueWord } from '../words/fields.ts'
import { formatAge } from '../words/format.ts'

const KINDS: readonly { readonly key: KindFilter; readonly label: string }[] = [
  { key: 'all', label: 'All' },
  { key: 'attention', label: 'Attention' },
  { key: 'climate', label: 'Climate' },
  { key: 'energy', label: 'Energy' },
  { key: 'opening', label: 'Openings' },
  { key: 'motion', label: 'Motion' },
]
const ORDERS: readonly { readonly key: Order; readonly label: string }[] = [
  { key: 'room', label: 'By room' },
  { key: 'name', label: 'By name' },
  { key: 'worst', label: 'Worst first' },
  { key: 'age', label: 'Newest first' },
]
/** Below this many devices a filter has nothing to do. */
const FILTER_ABOVE = 12
const MOST_ATTENTION = 4

interface Props {
  readonly kind: KindFilter
  readonly order: Order
  readonly search: string
  readonly range: Range
  readonly version: number
}

export function FleetTools({ kind, order, search, range, version }: Props) {
  const attention = counts.value.late + counts.value.offline + counts.value.alarm
  const kindCounts = useMemo(countKinds, [version])
  const segments = KINDS.map(choice => ({
    ...choice,
    count:
      choice.key === 'all'
        ? devices.size
        : choice.key === 'attention'
          ? attention
          : (kindCounts.get(choice.key) ?? 0),
  })).filter(choice => choice.count > 0 || choice.key === kind)
  return (
    <div class="tools">
      <label class="field search">
        <SearchIcon />
        <span class="unseen">Find a device</span>
        <input
          type="search"
          placeholder="Find device, room, model"
          value={search}
          spellcheck={false}
          onInput={event => setParams({ q: event.currentTarget.value })}
        />
        <span class="key" aria-hidden="true">
          /
        </span>
      </label>
      {devices.size > FILTER_ABOVE && (
        <Segments
          label="Kind"
          choices={segments}
          chosen={kind}
          onChoose={key => setParams({ kind: key === 'all' ? '' : key })}
        />
      )}
      <div class="end">
        <Choice
          label="Order"
          choices={ORDERS}
          chosen={order}
          onChoose={key => setParams({ sort: key === 'room' ? '' : key })}
        />
        <Choice
          label="Range of the strips"
          class="range"
          choices={[YOUNG_RANGE, ...RANGES.slice(0, 4)].map(({ key, label }) => ({
            key,
            label: `Last ${key === '1h' ? 'hour' : label}`,
          }))}
          chosen={range.key}
          onChoose={key => setParams({ range: key })}
        />
        <PageMenu />
      </div>
    </div>
  )
}

function countKinds(): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const device of devices.values()) {
    const kind = kindOfDevice(device)
    found.set(kind, (found.get(kind) ?? 0) + 1)
  }
  return found
}

/** Worst first, at most four. Absent when all is well. */
export function Attention() {
  const { late, offline, alarm } = counts.value
  if (late + offline + alarm === 0) return null
  const found = [...devices.values()]
    .filter(needsAttention)
    .sort((a, b) => severity(a) - severity(b) || b.lastMs - a.lastMs)
  return (
    <div class="attention">
      <span class="note">Needs attention</span>
      {found.slice(0, MOST_ATTENTION).map(device => (
        <a key={device.id} href={formatRoute('device', device.id)}>
          <StateMark state={device.state} isSilent />
          <strong>{device.name}</strong> {attentionWords(device)}
        </a>
      ))}
      {found.length > MOST_ATTENTION && (
        <button
          type="button"
          class="link button small plain"
          onClick={() => setParams({ kind: 'attention' })}
        >
          and {found.length - MOST_ATTENTION} more
        </button>
      )}
    </div>
  )
}

function attentionWords(device: Device): string {
  const age = formatAge(serverNow() - device.lastMs)
  if (device.state === 'alarm') {
    const field = device.primary
    const word = field?.value == null ? 'alarm' : valueWord(field, field.value, 0).toLowerCase()
    return `${word}, heard ${age} ago`
  }
  const battery = device.fields.get('battery')
  const isLow = typeof battery?.value === 'number' && battery.unit === '%' && battery.value <= 15
  return `${device.state} ${age}${isLow ? `, battery ${Math.round(battery.value as number)}\u2009%` : ''}`
}
