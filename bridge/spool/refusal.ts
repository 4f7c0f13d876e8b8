import type { Entry } from './batch.ts'

/** The spool does not take it: full, failing, or closed. Nothing was acknowledged, the sender keeps its data. */
export class SpoolRefusal extends Error {
  readonly code: 'SPOOL_FULL' | 'SPOOL_FAILING' | 'SPOOL_BUSY' | 'SPOOL_CLOSED'
  constructor(code: SpoolRefusal['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SpoolRefusal'
    this.code = code
  }
}

/** What an append gets then. */
export function refusal(entry: Entry, code: SpoolRefusal['code'], message: string): Promise<void> {
  const rejected = Promise.reject(new SpoolRefusal(code, message))
  if (!entry.awaited) rejected.catch(() => undefined)
  return rejected
}
