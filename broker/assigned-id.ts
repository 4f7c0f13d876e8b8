/**
 * Client ids that the broker makes for those who name none (MQTT 5, 3.1.3.1). Whoever was given one may come back by it.
 * Nobody else can guess it, and while its session lasts it belongs to the identity that it was made for.
 */

import { randomUUID } from 'node:crypto'

const ASSIGNED = /^auto-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function assignId(): string {
  return `auto-${randomUUID()}`
}

/** Whether it has the form of one. */
export function isAssigned(clientId: string): boolean {
  return ASSIGNED.test(clientId)
}
