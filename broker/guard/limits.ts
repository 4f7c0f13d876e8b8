/** What one client, one address and all of them together may cost. Each has a counter; see docs/mqtt.md. */

export interface GuardLimits {
  /** A CONNECT with name, password and will: all that is read from somebody unknown. */
  readonly maxConnectBytes: number
  /** Any other packet, with its header. */
  readonly maxPacketBytes: number
  readonly maxConnections: number
  /** Not for loopback, like the rates. */
  readonly maxConnectionsPerAddress: number
  /** Connections that have not sent a whole CONNECT yet; beyond, the oldest make room. */
  readonly maxSilent: number
  /** Logins that are begun in a second; the others wait in line. */
  readonly connectsPerSecond: number
  /** From the connection to its whole CONNECT. */
  readonly connectTimeoutMs: number
  /** From its turn to its CONNACK. */
  readonly authenticateTimeoutMs: number
  /** Without a packet for so long, a connection is closed, whatever keep-alive its client named. */
  readonly idleTimeoutMs: number
  /** Of one client, which is read from more slowly beyond; bursts of two seconds are let through. */
  readonly packetsPerSecond: number
  readonly bytesPerSecond: number
  readonly maxFiltersPerSubscribe: number
  readonly maxSubscriptionsPerClient: number
  readonly maxSubscriptions: number
  /** QoS 2 messages of one client between PUBLISH and PUBREL. */
  readonly maxInflight: number
  readonly maxTopicBytes: number
  readonly maxTopicLevels: number
}
