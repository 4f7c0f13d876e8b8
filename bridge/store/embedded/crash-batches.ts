/** What a spool would deliver: the same batch for the same number, always. */

import type { Batch } from '../store.ts'

export const BATCHES = 60

const LINES = 200
/** 2026-03-10T22:00:00Z: the batches cross midnight. */
const START_MS = Date.UTC(2026, 2, 10, 22)

/** Roll-ups are due after every batch. */
export function clockAt(block: number): number {
  return START_MS + block * 60_000
}

/** Numbers, texts and booleans of twenty devices; every tenth line is hours late. */
export function batchOf(block: number): Batch {
  const lines = Array.from({ length: LINES }, (_, i) => {
    const lateMs = i % 10 === 0 ? ((block * 31 + i * 7) % 9) * 1_800_000 : 0
    const timeMs = START_MS + block * 60_000 + i * 150 - lateMs
    return `reading,device=d${i % 20} n=${block * 1000 + i},on=${i % 3 === 0},text="${block}/${i}" ${timeMs}000000\n`
  })
  return { lines: [Buffer.from(lines.join(''))], lineCount: LINES, position: { block } }
}
