/** The thread that waits for the disk, so that the event loop of the broker does not. */

import { parentPort, workerData } from 'node:worker_threads'
import { type Change, StateDatabase } from './database.ts'

/** Null: close the database and end. */
export type ToSaver = readonly Change[] | null

/** Null: they are on the disk; else why not. */
export type FromSaver = string | null

const port = parentPort
if (port === null) throw new Error('BUG: saver-worker.ts runs as a worker thread only')
let database: StateDatabase | null = null

/** The disk may be in trouble by the time that this thread has begun, as at any other time. */
function opened(): StateDatabase {
  database ??= new StateDatabase(workerData as string)
  return database
}

try {
  opened()
} catch {
  // Told with the first changes, and tried again with them.
}

port.on('message', (changes: ToSaver) => {
  if (changes === null) {
    database?.close()
    port.close()
    return
  }
  let failure: FromSaver = null
  try {
    opened().apply(changes)
  } catch (error) {
    failure = (error as Error).message
  }
  port.postMessage(failure)
})
