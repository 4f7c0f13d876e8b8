/**
 * The kinds of panels. Every panel of every dashboard is made by one of these functions, so that a temperature looks
 * the same everywhere and a change of style is a change of one line.
 */

import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge'
import {
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardLinkBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import { INFLUX, influxTargets, type Query } from './targets.ts'

export interface Looks {
  readonly title: string
  /** Shown behind the (i): what the figure means, and what to do when it is bad. */
  readonly description?: string
  /** Of Grafana's list. */
  readonly unit?: string | undefined
  /** Of 24 columns. */
  readonly width?: number
  readonly height?: number
  /** No finer than this, such as `10s`: how often the values come. */
  readonly interval?: string
  /** The value from which a colour counts; the first goes without one. */
  readonly steps?: readonly Threshold[]
  /** Where a click on a value leads. */
  readonly link?: { readonly title: string; readonly url: string }
}

/** A silence longer than this is drawn as a gap: a line across it would be made up. */
const GAP_MS = 3_600_000

/** Lines over time. */
export function lines(looks: Looks, ...queries: readonly Query[]): TimeSeries {
  const panel = withLooks(new TimeSeries(), { width: 12, height: 8, ...looks })
    .datasource(INFLUX)
    .targets(influxTargets(queries))
    .insertNulls(GAP_MS)
  return drawn(panel).withOverride(HIDE_EMPTY).withTransformation(PLAIN_NAMES)
}

/** Lines that move by themselves: a stream behind them instead of a query that is asked again. */
export function streamed(looks: Looks, build: (panel: TimeSeries) => TimeSeries): TimeSeries {
  return build(drawn(withLooks(new TimeSeries(), { width: 12, height: 8, ...looks })))
}

/** One figure, the newest. */
export function figure(looks: Looks, query: Query): Stat {
  return withLooks(new Stat(), { width: 4, height: 4, ...looks })
    .datasource(INFLUX)
    .targets(influxTargets([query]))
    .graphMode(BigValueGraphMode.None)
    .colorMode(looks.steps === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
    .reduceOptions(newest())
}

/** A bar for each series, from `min` to `max`. */
export function bars(looks: Looks, min: number, max: number, query: Query): BarGauge {
  return withLooks(new BarGauge(), { width: 12, height: 8, ...looks })
    .datasource(INFLUX)
    .targets(influxTargets([query]))
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Basic)
    .reduceOptions(newest())
    .min(min)
    .max(max)
    .withTransformation(PLAIN_NAMES)
}

/** Bands of yes and no over time. */
export function states(looks: Looks, query: Query): StateTimeline {
  return withLooks(new StateTimeline(), { width: 24, height: 8, ...looks })
    .datasource(INFLUX)
    .targets(influxTargets([query]))
    .mergeValues(true)
    .legend(new VizLegendOptionsBuilder().showLegend(false).displayMode(LegendDisplayMode.List))
    .withOverride(HIDE_EMPTY)
    .withTransformation(PLAIN_NAMES)
}

/** Rows and columns, as the query gives them. */
export function rows(looks: Looks, query: Query): Table {
  return withLooks(new Table(), { width: 12, height: 8, ...looks })
    .datasource(INFLUX)
    .targets(influxTargets([{ ...query, format: 'table' }]))
    .showHeader(true)
}

/** Series of a regular expression come with a column for every field that anybody has: most are empty. */
const HIDE_EMPTY = {
  matcher: { id: 'byValue', options: { reducer: 'allIsNull', op: 'gte', value: 0 } },
  properties: [{ id: 'custom.hideFrom', value: { legend: true, tooltip: true, viz: true } }],
}

/** `thermo-1 mean_temperature` becomes `thermo-1 temperature`. */
const PLAIN_NAMES = {
  id: 'renameByRegex',
  options: { regex: '^(.* )?(?:mean|last|max|non_negative_derivative)_(.+)$', renamePattern: '$1$2' },
}

function drawn(panel: TimeSeries): TimeSeries {
  return panel
    .lineWidth(1)
    .fillOpacity(5)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
}

function newest(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().values(false).calcs(['lastNotNull'])
}

type AnyPanel = TimeSeries | Stat | BarGauge | StateTimeline | Table

/** What panels of all kinds share. The builders have no common type that says so. */
function withLooks<Panel extends AnyPanel>(panel: Panel, looks: Looks): Panel {
  const { title, description, unit, width, height, interval, steps, link } = looks
  panel.title(title)
  if (description !== undefined) panel.description(description)
  if (unit !== undefined) panel.unit(unit)
  if (width !== undefined) panel.span(width)
  if (height !== undefined) panel.height(height)
  if (interval !== undefined) panel.interval(interval)
  if (steps !== undefined) {
    panel.thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]))
    panel.colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
  }
  if (link !== undefined) panel.dataLinks([new DashboardLinkBuilder(link.title).url(link.url)])
  return panel
}
