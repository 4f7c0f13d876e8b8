import type { AcceptedReading } from '../telemetry/reading.ts'

/**
 * Whether a reading says that its device is gone for good: it is about the device and not of it, and ends all that was
 * said of it before. Whoever shows the device is owed it, whatever fields and topics they asked for, and however slow
 * they are.
 */
export function isDeparture({ topic, tags }: Pick<AcceptedReading, 'topic' | 'tags'>): boolean {
  return topic === '' && tags.availableBy === 'forgotten'
}
