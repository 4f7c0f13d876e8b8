/** What a panel asks, and whom. The SDK knows no InfluxDB, MQTT or live queries, so these are its custom ones. */

import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common'

/** Fixed, because alert rules name it, and so does the provisioning. */
export const INFLUX_UID = 'trestle-influxdb'
export const MQTT_UID = 'trestle-mqtt'

/** Panels take the one chosen at the top of the dashboard, so that the files serve any Grafana. */
export const INFLUX: DataSourceRef = { type: 'influxdb', uid: '${datasource}' }
export const MQTT: DataSourceRef = { type: 'grafana-mqtt-datasource', uid: MQTT_UID }
/** Grafana's own, always there. */
export const LIVE: DataSourceRef = { type: 'datasource', uid: 'grafana' }

export interface Query {
  /** InfluxQL, from influxql.ts. */
  readonly text: string
  /** Name of a series: `$tag_device`, `$col`, or plain words. */
  readonly alias?: string
  readonly format?: 'time_series' | 'table'
}

export function influxTargets(queries: readonly Query[]): cog.Builder<cog.Dataquery>[] {
  return queries.map(({ text, alias, format = 'time_series' }, at) =>
    built({
      refId: refId(at),
      datasource: INFLUX,
      rawQuery: true,
      query: text,
      resultFormat: format,
      ...(alias === undefined ? {} : { alias }),
    }),
  )
}

/** One topic: with a wildcard the plugin forgets which topic a value came from. */
export function mqttTarget(topic: string): cog.Builder<cog.Dataquery> {
  return built({ refId: 'A', datasource: MQTT, topic })
}

/** A channel of Grafana Live, kept for `bufferMs`. */
export function liveTarget(channel: string, bufferMs: number): cog.Builder<cog.Dataquery> {
  return built({ refId: 'A', datasource: LIVE, queryType: 'measurements', channel, buffer: bufferMs })
}

/** A, B, C: as Grafana's editor names them. */
export function refId(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at)
}

function built(query: object): cog.Builder<cog.Dataquery> {
  return { build: () => query as cog.Dataquery }
}
