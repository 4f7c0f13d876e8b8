/**
 * The files that Grafana reads at its start: data sources, where the dashboards are, alert rules. It replaces `$NAME`
 * and `${NAME}` in them by its environment, everywhere but in dashboards and queries: docker-compose.yml sets those.
 */

import type { Alert } from './alerts.ts'
import { INFLUX_UID, MQTT_UID, refId } from './targets.ts'

export const FOLDER = 'Trestle'
/** Where Grafana finds the dashboards; docker-compose.yml mounts them there. */
export const DASHBOARDS_PATH = '/etc/trestle/dashboards'
/** Variables of Grafana's environment, set in docker-compose.yml. */
export const VARIABLES = [
  'TRESTLE_INFLUX_URL',
  'TRESTLE_INFLUX_DATABASE',
  'TRESTLE_MQTT_URI',
  'TRESTLE_MQTT_USERNAME',
  'TRESTLE_MQTT_PASSWORD',
] as const

const ORG_ID = 1
const EVALUATED_EVERY = '1m'

export function datasources(): object {
  return {
    apiVersion: 1,
    datasources: [
      {
        name: 'Trestle',
        uid: INFLUX_UID,
        type: 'influxdb',
        access: 'proxy',
        url: '$TRESTLE_INFLUX_URL',
        isDefault: true,
        editable: false,
        // InfluxQL is what it speaks unless told otherwise.
        jsonData: { dbName: '$TRESTLE_INFLUX_DATABASE', httpMode: 'POST', timeInterval: '1s' },
      },
      {
        name: 'Trestle MQTT',
        uid: MQTT_UID,
        type: 'grafana-mqtt-datasource',
        access: 'proxy',
        editable: false,
        // A name of its own: without one each restart of Grafana would leave a session behind in the broker.
        jsonData: { uri: '$TRESTLE_MQTT_URI', clientID: 'grafana', username: '$TRESTLE_MQTT_USERNAME' },
        // Both are empty while everybody may read.
        secureJsonData: { password: '$TRESTLE_MQTT_PASSWORD' },
      },
    ],
  }
}

export function dashboardProvider(): object {
  return {
    apiVersion: 1,
    providers: [
      {
        name: 'trestle',
        orgId: ORG_ID,
        folder: FOLDER,
        folderUid: 'trestle',
        type: 'file',
        disableDeletion: true,
        // What is changed in the browser would be gone with the next release: save it under another name.
        allowUiUpdates: false,
        updateIntervalSeconds: 30,
        options: { path: DASHBOARDS_PATH },
      },
    ],
  }
}

/** A: the query. B: one value of each series. C: whether it alerts. */
export function alertRules(alerts: readonly Alert[]): object {
  return {
    apiVersion: 1,
    groups: [
      {
        orgId: ORG_ID,
        name: 'trestle',
        folder: FOLDER,
        interval: EVALUATED_EVERY,
        rules: alerts.map(rule),
      },
    ],
  }
}

function rule(alert: Alert): object {
  const { uid, title, summary, query, withinS, reduce, silence, severity, dashboard } = alert
  const [a, b, c] = [refId(0), refId(1), refId(2)]
  const range = { from: withinS, to: 0 }
  return {
    uid,
    title,
    condition: c,
    for: alert.for,
    noDataState: silence,
    // A store that does not answer is one alert, "Bridge silent", and not one of each rule.
    execErrState: silence === 'Alerting' ? 'Alerting' : 'KeepLast',
    isPaused: false,
    labels: { severity },
    annotations: { summary, __dashboardUid__: dashboard },
    data: [
      {
        refId: a,
        relativeTimeRange: range,
        datasourceUid: INFLUX_UID,
        model: {
          refId: a,
          rawQuery: true,
          query,
          resultFormat: 'time_series',
          intervalMs: 60_000,
          maxDataPoints: 43_200,
        },
      },
      expression(b, { type: 'reduce', expression: a, reducer: reduce, settings: { mode: 'dropNN' } }),
      expression(c, {
        type: 'threshold',
        expression: b,
        conditions: [{ evaluator: { type: alert.when.is, params: limits(alert.when) } }],
      }),
    ],
  }
}

/** Grafana's own arithmetic, for which this uid stands. */
function expression(ref: string, model: object): object {
  return {
    refId: ref,
    relativeTimeRange: { from: 0, to: 0 },
    datasourceUid: '__expr__',
    model: { refId: ref, datasource: { type: '__expr__', uid: '__expr__' }, ...model },
  }
}

function limits(when: Alert['when']): number[] {
  return 'than' in when ? [when.than] : [when.low, when.high]
}
