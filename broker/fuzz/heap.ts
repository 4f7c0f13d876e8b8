/** What the process holds on to, in MB: measured after everything else was collected. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function heapMb(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed / 1e6
}
