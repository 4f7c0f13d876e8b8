/** The charge of the battery; only Chromium tells it. */

import type { SensorPlan } from './sensor.ts'

interface Battery extends EventTarget {
  readonly level: number
  readonly charging: boolean
}

export function batteryPlan(): SensorPlan {
  const { getBattery } = navigator as { getBattery?: () => Promise<Battery> }
  return {
    key: 'battery',
    label: 'Battery',
    fields: [
      { name: 'battery', label: 'Battery', unit: '%', class: 'battery' },
      { name: 'charging', label: 'Charging', unit: '' },
    ],
    decimals: 0,
    isSlow: true,
    permission: null,
    access: getBattery
      ? { kind: 'free' }
      : { kind: 'missing', reason: isSecureContext ? 'browser' : 'insecure' },
    listen: (tell, refuse) => {
      const ended = new AbortController()
      const follow = (battery: Battery) => {
        const say = () => tell({ battery: Math.round(battery.level * 100), charging: battery.charging })
        if (ended.signal.aborted) return
        battery.addEventListener('levelchange', say, { signal: ended.signal })
        battery.addEventListener('chargingchange', say, { signal: ended.signal })
        say()
      }
      getBattery
        ?.call(navigator)
        .then(follow)
        .catch(() => refuse({ kind: 'missing', reason: 'hardware' }))
      return () => ended.abort()
    },
  }
}
