/** What all dashboards share: the frame, the variables, links between them, and what the SDK leaves to be done. */

import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { INFLUX, INFLUX_UID } from './targets.ts'

/** The part of the address that stays: bookmarks, links and alerts lead here. */
export type Uid = `trestle-${'fleet' | 'room' | 'device' | 'bridge' | 'live' | 'push'}`

export interface Board {
  readonly uid: Uid
  readonly title: string
  readonly description: string
  readonly from?: string
  /** How often panels ask again; empty for dashboards that move by themselves. */
  readonly refresh?: string
  readonly variables: readonly QueryVariableBuilder[]
  readonly rows: readonly Row[]
}

export interface Row {
  /** Absent: the panels stand at the top, without a heading. */
  readonly title?: string
  /** Once for each chosen value of this variable. */
  readonly repeat?: string
  readonly panels: readonly cog.Builder<Panel>[]
}

const TAG = 'trestle'

export function dashboard(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags([TAG])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: board.from ?? 'now-6h', to: 'now' })
    .refresh(board.refresh ?? '30s')
    .link(
      new DashboardLinkBuilder('Trestle')
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource')
        .label('InfluxDB')
        .type('influxdb')
        .current({ text: 'Trestle', value: INFLUX_UID }),
    )
  for (const variable of board.variables) builder.withVariable(variable)
  for (const { title, repeat, panels } of board.rows) {
    if (title !== undefined) {
      const row = new RowBuilder(title)
      builder.withRow(repeat === undefined ? row : row.repeat(repeat))
    }
    for (const panel of panels) builder.withPanel(panel)
  }
  return finished(builder.build())
}

/** One value at a time. */
export function choiceOfOne(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(INFLUX)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnDashboardLoad)
    .sort(VariableSort.NaturalAsc)
}

/** Some or all; all at first. */
export function choiceOfMany(name: string, label: string, query: string): QueryVariableBuilder {
  return choiceOfOne(name, label, query)
    .multi(true)
    .includeAll(true)
    .current({ text: ['All'], value: ['$__all'] })
}

/** Like `choiceOfMany`, but all is really everything, also what lacks the tag. Not for repeating. */
export function choiceOrEverything(name: string, label: string, query: string): QueryVariableBuilder {
  return choiceOfMany(name, label, query).allValue('.*')
}

/** Where a click on a series of this device leads. */
export const DEVICE_LINK = {
  title: 'Open this device',
  url: '/d/trestle-device?var-device=${__field.labels.device}&${__url_time_range}',
}

/** The SDK gives panels no id and every row the id 0, and fills in menus and intervals that nobody asked for. */
function finished(built: Dashboard): Dashboard {
  const panels = (built.panels ?? []).map((panel, at) => ({ ...panel, id: at + 1 }))
  const list = (built.templating.list ?? []).map(variable => without(variable, AUTO_INTERVAL))
  return withoutPlacement({ ...built, panels, templating: { list }, annotations: { list: [] } })
}

const AUTO_INTERVAL = ['auto', 'auto_min', 'auto_count'] as const

function without<T extends object, K extends keyof T>(from: T, keys: readonly K[]): T {
  return Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key as K))) as T
}

/** Links of every kind would hide in the controls menu. */
function withoutPlacement<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    key === 'placement' && inner === 'inControlsMenu' ? undefined : inner,
  ) as T
}
