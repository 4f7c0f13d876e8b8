/** Where devices find the broker: this page's own host, and the port that MQTT uses unless told otherwise. */

import { signal } from '@preact/signals'

export const brokerAddress = signal({
  host: location.hostname.replace(/^127\.0\.0\.1$/, 'localhost'),
  port: 1883,
})
