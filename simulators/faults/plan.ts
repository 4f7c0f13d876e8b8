/** Which faults a run should have: from `--fault drop=0.01,flap=5` and from scenario files alike. */

import { z } from 'zod'
import { MESSAGE_FAULTS, type MessageFault, type MessageFaultOptions } from './message-faults.ts'

const probability = z.number().min(0).max(1)

/** Strict: a misspelt fault would be a run without it. */
export const faultSchema = z.strictObject({
  drop: probability.optional(),
  duplicate: probability.optional(),
  reorder: probability.optional(),
  'bad-json': probability.optional(),
  'type-flip': probability.optional(),
  'clock-skew': probability.optional(),
  oversized: probability.optional(),
  /** Seconds by which a skewed clock is wrong. */
  'skew-seconds': z.number().optional(),
  'oversized-bytes': z.number().int().positive().optional(),
  /** Every so many seconds one connection is lost. */
  flap: z.number().positive().optional(),
  /** Every so many seconds all of them. */
  'mass-reconnect': z.number().positive().optional(),
  /** Bytes a second, for a tenth of the connections (at least one). */
  'slow-link': z.number().positive().optional(),
  /** MQTT subscribers to everything that stop reading. */
  'frozen-subscriber': z.number().int().positive().optional(),
  /** Live dashboards that stop reading. */
  'frozen-dashboard': z.number().int().positive().optional(),
})

export type FaultPlan = z.infer<typeof faultSchema>

/** `drop=0.01,flap=5`, as often as wanted. Throws with every mistake. */
export function faultPlanOf(texts: readonly string[]): FaultPlan {
  const entries = texts
    .flatMap(text => text.split(','))
    .map(text => {
      const [name = '', value = ''] = text.split('=')
      return [name.trim(), value.trim() === '' ? Number.NaN : Number(value)] as const
    })
  const parsed = faultSchema.safeParse(Object.fromEntries(entries))
  if (parsed.success) return parsed.data
  const mistakes = parsed.error.issues.map(issue => `${issue.path.join('.') || '--fault'}: ${issue.message}`)
  throw new Error(`these faults cannot be: ${mistakes.join('; ')}`)
}

/** Null when no message is touched. */
export function messageFaultsOf(plan: FaultPlan): MessageFaultOptions | null {
  const probabilities: Partial<Record<MessageFault, number>> = {}
  for (const fault of MESSAGE_FAULTS) {
    const chance = plan[fault]
    if (chance !== undefined && chance > 0) probabilities[fault] = chance
  }
  if (Object.keys(probabilities).length === 0) return null
  const skewS = plan['skew-seconds']
  return {
    probabilities,
    skewMs: skewS === undefined ? undefined : skewS * 1000,
    oversizedBytes: plan['oversized-bytes'],
  }
}

export const SLOW_PART = 0.1
