/** What the state of a device is called, and what it follows from. */

export type DeviceState = 'reporting' | 'late' | 'offline' | 'alarm' | 'unknown'

export interface Signs {
  readonly isConnected: boolean
  /** What the device, its gateway or its will said; null when none of them spoke. */
  readonly available: boolean | null
  readonly hasAlarm: boolean
  readonly ageMs: number
  readonly deadlineMs: number | null
}

/** An alarm outlives everything: a leak sensor that fell silent while wet is still wet. */
export function stateOf(signs: Signs): DeviceState {
  if (signs.hasAlarm) return 'alarm'
  if (!signs.isConnected) return 'unknown'
  if (signs.available === false) return 'offline'
  if (signs.deadlineMs !== null && signs.ageMs > signs.deadlineMs) return 'late'
  return 'reporting'
}

export const STATE_WORDS: Readonly<Record<DeviceState, string>> = {
  reporting: 'reporting',
  late: 'late',
  offline: 'offline',
  alarm: 'alarm',
  unknown: 'unknown while reconnecting',
}
