import { expect, it } from 'vitest'
import type { Decoder } from '../decode/decoder.ts'
import type { Entry } from '../spool/batch.ts'
import type { QuarantineEntry } from './quarantine.ts'
import { replayQuarantine } from './replay.ts'

function entry(id: number, payload: string, more: Partial<QuarantineEntry> = {}): QuarantineEntry {
  return {
    id,
    isCounted: true,
    topic: 't',
    reason: 'no number',
    by: 'general',
    time: 1000 + id,
    client: 'c',
    qos: 1,
    retain: false,
    payloadBytes: payload.length,
    payload: Buffer.from(payload),
    ...more,
  }
}

/** Understands by now what begins with `fixed`, and knows that `idle` has no reading. */
const decoder = {
  decode({ payload }: { payload: Uint8Array }) {
    const text = Buffer.from(payload).toString()
    if (text.startsWith('fixed')) return { kind: 'readings', by: 'rule', readings: [{ device: text }] }
    return text === 'idle'
      ? { kind: 'ignored', by: 'rule', reason: 'command' }
      : { kind: 'rejected', by: 'x', reason: 'y' }
  },
} as unknown as Decoder

it('what can be used now is appended with the arrival of then, and says which entry leaves', async () => {
  const entries = [
    entry(1, 'broken'),
    entry(2, 'fixed-a'),
    entry(3, 'idle'),
    entry(4, 'm v=1 1\nm v=2 2\n', { by: 'store', isCounted: false }),
    entry(5, 'fixed but cut', { payloadBytes: 100_000 }),
    ...Array.from({ length: 1200 }, (_, i) => entry(6 + i, `fixed-${i}`)),
  ]
  const appended: Entry[] = []
  const report = await replayQuarantine({
    decoder,
    catalog: {
      accept: ({ device, timeUs }) => ({
        device,
        line: `m,device=${device} v=1 ${timeUs}000\n`,
        fields: [],
        refused: null,
        tags: {},
        timeUs: timeUs!,
      }),
      learnOld: () => null,
    },
    append: async one => void appended.push(one),
    list: async (after, limit) => entries.filter(({ id }) => id > after).slice(0, limit),
  })
  expect(report).toEqual({ replayed: 1202, ignored: 1, kept: 2 })
  expect(appended.slice(0, 3)).toEqual([
    {
      lines: 'm,device=fixed-a v=1 1002000000\n',
      lineCount: 1,
      outcome: { kind: 'replayed', entry: 2, isCounted: true, ignored: null },
      key: null,
      awaited: true,
    },
    {
      lines: '',
      lineCount: 0,
      outcome: { kind: 'replayed', entry: 3, isCounted: true, ignored: 'command' },
      key: null,
      awaited: true,
    },
    {
      lines: 'm v=1 1\nm v=2 2\n',
      lineCount: 2,
      outcome: { kind: 'replayed', entry: 4, isCounted: false, ignored: null },
      key: null,
      awaited: true,
    },
  ])
  expect(new Set(appended.map(({ outcome }) => outcome.kind === 'replayed' && outcome.entry)).size).toBe(1203)
})
