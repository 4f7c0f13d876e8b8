import { describe, expect, it } from 'vitest'
import { throwIn } from './faults-of-ours.ts'

describe('a fault of ours costs at most one life of the process, never half of it, and no acknowledged reading:', () => {
  it.each(['decoding', 'spool', 'store'] as const)(
    '%s',
    async place => {
      const { ledger, lost, ...report } = await throwIn(place)
      console.info(`a throw in ${place}: ${report.hasEnded ? 'ended' : `lives, ${lost} in the quarantine`}`)
      // What tripped over it is acknowledged, and in the quarantine.
      expect(lost).toBe(ledger.quarantined)
      expect(lost).toBeLessThanOrEqual(1)
      expect({ ...report, ledger }).toMatchObject({
        duplicates: 0,
        invented: 0,
        ledger: { balanced: true, dropped: {} },
      })
    },
    60_000,
  )
})
