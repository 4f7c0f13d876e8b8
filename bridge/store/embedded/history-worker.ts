/** The thread in which an embedded store is read: a long scan delays neither ingest nor anything else. */

import { parentPort, workerData } from 'node:worker_threads'
import { HistoryError } from '../history-error.ts'
import { Reader } from './reader.ts'

/** A method of `Reader` and its arguments. */
export type Call = {
  [Name in 'buckets' | 'raw' | 'lastValues']: {
    readonly name: Name
    readonly args: Parameters<Reader[Name]>
  }
}['buckets' | 'raw' | 'lastValues']

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: HistoryError['code']; readonly message: string }

const reader = new Reader(String(workerData))

parentPort?.on('message', (call: Call) => parentPort?.postMessage(answer(call)))

function answer(call: Call): Answer {
  try {
    return { ok: true, result: perform(call) }
  } catch (error) {
    const code = error instanceof HistoryError ? error.code : 'unavailable'
    return { ok: false, code, message: error instanceof Error ? error.message : String(error) }
  }
}

function perform(call: Call) {
  switch (call.name) {
    case 'buckets':
      return reader.buckets(...call.args)
    case 'raw':
      return reader.raw(...call.args)
    case 'lastValues':
      return reader.lastValues()
  }
}
