/**
 * Faster than a second, in two ways. By MQTT: Grafana's MQTT data source subscribes at our broker, a topic a panel;
 * it draws payloads that are a number or a flat JSON object. By push: `push.ts` is a live client of the bridge and
 * hands everything to Grafana Live, in the bridge's own words, whatever the payload was.
 */

import { choiceOfMany, choiceOfOne, dashboard } from '../board.ts'
import { chosen, tagValues } from '../influxql.ts'
import { streamed } from '../panels.ts'
import { LIVE, liveTarget, MQTT, mqttTarget } from '../targets.ts'

/** How often the MQTT data source hands on what came. Without it the window's width decides: 20 ms for 30 s. */
const EVERY = '250ms'
const WINDOW_MS = 60_000

export const live = dashboard({
  uid: 'trestle-live',
  title: 'Trestle: live, by MQTT',
  description:
    'The topics of one device, as they come. Needs the data source plugin grafana-mqtt-datasource.',
  from: 'now-1m',
  refresh: '',
  variables: [
    choiceOfOne('device', 'Device', tagValues('reading', 'device')),
    choiceOfMany('topic', 'Topics', tagValues('reading', 'topic', [chosen('device')])),
  ],
  rows: [
    {
      panels: [
        streamed({ title: '$topic', interval: EVERY }, panel =>
          panel
            .datasource(MQTT)
            .withTarget(mqttTarget('$topic'))
            .repeat('topic')
            .repeatDirection('h')
            .maxPerRow(2),
        ),
      ],
    },
  ],
})

export const push = dashboard({
  uid: 'trestle-push',
  title: 'Trestle: live, by push',
  description: 'All values of the chosen devices, as they come. Needs dashboards/grafana/push.ts to run.',
  from: 'now-1m',
  refresh: '',
  variables: [choiceOfMany('device', 'Devices', tagValues('reading', 'device'))],
  rows: [
    {
      panels: [
        streamed({ title: '$device' }, panel =>
          panel
            .datasource(LIVE)
            .withTarget(liveTarget('stream/trestle/$device', WINDOW_MS))
            .repeat('device')
            .repeatDirection('h')
            .maxPerRow(2),
        ),
      ],
    },
  ],
})
