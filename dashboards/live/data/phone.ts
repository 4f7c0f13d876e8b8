/** Whether this browser is sending as a device: the frame tells it, the sensor view makes it so. */

import { signal } from '@preact/signals'

export const isPhoneSending = signal(false)
