/** The families, in the order in which they are asked. To add one, write its file and put it here. */

import type { Family } from './family.ts'

export const families: readonly Family[] = []
