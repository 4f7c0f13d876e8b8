/** Where the phone is: off until asked for, and rounded unless wanted exactly. */

import { round } from './motion.ts'
import type { Access, SensorPlan } from './sensor.ts'
import { settings } from './settings.ts'

/** A thousandth of a degree is 111 m from north to south, less from east to west. */
const COARSE_DIGITS = 3
const EXACT_DIGITS = 6
const REFUSED = 1

export function locationPlan(): SensorPlan {
  const { geolocation } = navigator
  const access: Access = !isSecureContext
    ? { kind: 'missing', reason: 'insecure' }
    : geolocation
      ? { kind: 'ask' }
      : { kind: 'missing', reason: 'browser' }
  return {
    key: 'location',
    label: 'Location',
    fields: [
      { name: 'accuracy', label: 'Accuracy', unit: 'm', class: 'distance' },
      { name: 'latitude', label: 'Latitude', unit: '°' },
      { name: 'longitude', label: 'Longitude', unit: '°' },
      { name: 'speed', label: 'Speed', unit: 'm/s' },
    ],
    decimals: 0,
    lead: 'within ',
    permission: 'geolocation',
    isSlow: true,
    access,
    ask: () =>
      new Promise(resolve =>
        geolocation.getCurrentPosition(
          () => resolve({ kind: 'allowed' }),
          // That it was not found this time does not mean that it was not allowed.
          error => resolve({ kind: error.code === REFUSED ? 'refused' : 'allowed' }),
          { maximumAge: 60_000, timeout: 20_000 },
        ),
      ),
    listen: (tell, refuse) => {
      const watch = geolocation.watchPosition(
        ({ coords }) => {
          const { isCoarse } = settings.value
          const digits = isCoarse ? COARSE_DIGITS : EXACT_DIGITS
          tell({
            latitude: round(coords.latitude, digits),
            longitude: round(coords.longitude, digits),
            accuracy: Math.round(Math.max(coords.accuracy, isCoarse ? 100 : 0)),
            ...(coords.speed !== null && !isCoarse && { speed: round(coords.speed, 1) }),
          })
        },
        error => {
          if (error.code === REFUSED) refuse({ kind: 'refused' })
        },
        { enableHighAccuracy: !settings.value.isCoarse, maximumAge: 5_000 },
      )
      return () => geolocation.clearWatch(watch)
    },
  }
}
