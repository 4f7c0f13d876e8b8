import { LOAD_BASE_MS } from './load.ts'
import type { Trestle } from './trestle.ts'

/** How often each `device seq` of a load is in the store, asked of the history page by page. */
export async function storedReadings(trestle: Trestle, connections: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (let i = 0; i < connections; i++) {
    const device = `load-${i}`
    let from: number | null = LOAD_BASE_MS
    while (from !== null) {
      const page: { points: { value: number }[]; next: number | null } = await trestle.get(
        `/api/history?device=${device}&field=seq&points=raw&from=${from}&to=${LOAD_BASE_MS + 3_600_000}`,
      )
      for (const { value } of page.points) {
        const key = `${device} ${value}`
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      from = page.next
    }
  }
  return counts
}
