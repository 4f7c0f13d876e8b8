/** Figures of MQTT: of the embedded broker, or of the connection to another one. */

import type { Broker } from '../broker/broker.ts'
import type { ExternalBroker } from '../broker/external.ts'
import type { MetricSource } from './metrics.ts'

export function embeddedMetrics(broker: Broker): MetricSource[] {
  return [
    { name: 'mqtt_clients', help: 'MQTT clients connected', read: () => broker.clients },
    { name: 'mqtt_connections_total', help: 'MQTT connections taken', read: () => broker.stats.connections },
    {
      name: 'mqtt_version5_connections_total',
      help: 'Of them, those whose clients speak MQTT 5',
      read: () => broker.stats.mqtt5Connections,
    },
    {
      name: 'mqtt_connections_refused_total',
      help: 'MQTT connections not taken because there were too many, in all (connections) or of one address',
      label: 'reason',
      read: () => broker.stats.refused,
    },
    {
      name: 'mqtt_unauthenticated',
      help: 'MQTT connections that are not logged in yet',
      read: () => broker.stats.unauthenticated,
    },
    {
      name: 'mqtt_logins_delayed_total',
      help: 'Logins that waited for their turn',
      read: () => broker.stats.delayed,
    },
    {
      name: 'mqtt_flapping_total',
      help: 'Logins of a client beyond 15 in a minute',
      read: () => broker.stats.flapping,
    },
    {
      name: 'mqtt_closed_total',
      help: 'MQTT connections closed by us, by reason',
      label: 'reason',
      read: () => broker.stats.closed,
    },
    {
      name: 'mqtt_throttled_total',
      help: 'Times that a client was not read from because it sent too fast',
      read: () => broker.stats.throttled,
    },
    {
      name: 'mqtt_subscriptions',
      help: 'Filters of connected MQTT clients',
      read: () => broker.stats.subscriptions,
    },
    {
      name: 'mqtt_subscriptions_refused_total',
      help: 'Filters denied because there were too many, of one client or in all',
      label: 'reason',
      read: () => broker.stats.subscriptionsRefused,
    },
    {
      name: 'mqtt_forwards_skipped_total',
      help: 'QoS 0 messages not forwarded to subscribers that do not read',
      read: () => broker.stats.skipped,
    },
    {
      name: 'mqtt_slow_closed_total',
      help: 'Subscribers closed because they did not read, and had no session to keep it for them',
      read: () => broker.stats.slowClosed,
    },
    {
      name: 'mqtt_paused_total',
      help: 'Times that a client was not read from until more of its messages were on the disk',
      read: () => broker.stats.paused,
    },
    {
      name: 'mqtt_logins_refused_total',
      help: 'MQTT clients not let in, by reason',
      label: 'reason',
      read: () => broker.stats.loginsRefused,
    },
    {
      name: 'mqtt_forbidden_total',
      help: 'Publishes to topics that their sender has no right to; before MQTT 5 the connection is closed for it',
      read: () => broker.stats.forbidden,
    },
    {
      name: 'mqtt_sessions',
      help: 'Sessions that outlive their connection',
      read: () => broker.stats.sessions,
    },
    {
      name: 'mqtt_sessions_expired_total',
      help: 'Sessions ended because their client stayed away (mqtt.sessions.expiry)',
      read: () => broker.stats.sessionsExpired,
    },
    {
      name: 'mqtt_sessions_refused_total',
      help: 'Sessions refused because there were too many (mqtt.sessions.max)',
      read: () => broker.stats.sessionsRefused,
    },
    {
      name: 'mqtt_queued_messages',
      help: 'Messages of QoS 1 and 2 on their way to clients, and not acknowledged by them',
      read: () => broker.stats.queuedMessages,
    },
    {
      name: 'mqtt_queued_bytes',
      help: 'The same in bytes',
      read: () => broker.stats.queuedBytes,
    },
    {
      name: 'mqtt_dropped_total',
      help: 'Messages that a client or the retained ones do not get: no room, too large for it, expired; by reason',
      label: 'reason',
      read: () => broker.stats.dropped,
    },
    { name: 'mqtt_retained_messages', help: 'Retained messages', read: () => broker.stats.retained },
    { name: 'mqtt_retained_bytes', help: 'The same in bytes', read: () => broker.stats.retainedBytes },
    {
      name: 'mqtt_state_commits_total',
      help: 'Commits of sessions and retained messages to the disk',
      read: () => broker.stats.commits,
    },
    {
      name: 'mqtt_state_failures_total',
      help: 'Failed attempts to save sessions and retained messages',
      read: () => broker.stats.failures,
    },
  ]
}

export function externalMetrics(broker: ExternalBroker): MetricSource[] {
  return [
    {
      name: 'mqtt_external_up',
      help: '1: reading from the other broker',
      read: () => Number(broker.isReading),
    },
    {
      name: 'mqtt_external_connections_total',
      help: 'Connections made to it',
      read: () => broker.stats.connections,
    },
    {
      name: 'mqtt_external_messages_total',
      help: 'Messages that it delivered',
      read: () => broker.stats.messages,
    },
    {
      name: 'mqtt_external_retained_total',
      help: 'Of them, retained ones that it told on subscribing',
      read: () => broker.stats.retained,
    },
    {
      name: 'mqtt_external_refused_total',
      help: 'Messages left to it because the spool did not take them',
      read: () => broker.stats.refused,
    },
    {
      name: 'mqtt_external_own_total',
      help: 'Messages of our own that it sent back; they are not counted as received',
      read: () => broker.stats.own,
    },
    {
      name: 'mqtt_external_pending',
      help: 'Messages that it waits to have acknowledged',
      read: () => broker.pending,
    },
  ]
}
