/** The range of a view whose address names none: as long as the data is, up to an hour. */

import { computed, signal } from '@preact/signals'
import { fittingRange } from '../route.ts'
import { serverNow } from './clock.ts'
import { onSecond } from './frames.ts'
import { dataSinceMs } from './strips.ts'

const dataAgeMs = signal(Number.POSITIVE_INFINITY)

export const defaultRange = computed(() => fittingRange(dataAgeMs.value))

onSecond(() => {
  dataAgeMs.value = dataSinceMs.value === null ? Number.POSITIVE_INFINITY : serverNow() - dataSinceMs.value
})
