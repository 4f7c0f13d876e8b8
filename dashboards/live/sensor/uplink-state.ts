/** How the way to the broker fares; apart from it, so that the view stands before the library has come. */

import { signal } from '@preact/signals'

export type UplinkState = 'connecting' | 'open' | 'waiting' | 'refused'

export const uplinkState = signal<UplinkState>('connecting')
