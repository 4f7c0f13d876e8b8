/** The sensors of this browser, in the order of the page. */

import { batteryPlan } from './battery.ts'
import { locationPlan } from './location.ts'
import { motionPlans } from './motion.ts'
import { Sensor } from './sensor.ts'
import { change, settings } from './settings.ts'

export const sensors: readonly Sensor[] = [...motionPlans(), batteryPlan(), locationPlan()].map(
  plan => new Sensor(plan),
)

/** Those that are switched on run; called after everything that may change it. */
export function runWanted(): void {
  for (const sensor of sensors) {
    if (settings.value.on.includes(sensor.plan.key)) sensor.start()
    else sensor.stop()
  }
}

export function switchSensor(sensor: Sensor, isOn: boolean): void {
  const others = settings.value.on.filter(key => key !== sensor.plan.key)
  change({ on: isOn ? [...others, sensor.plan.key] : others })
  runWanted()
}

/** Inside a tap: iOS takes it for granted that a person asked. */
export async function askFor(sensor: Sensor): Promise<void> {
  await sensor.ask()
  // Acceleration and rotation are one permission.
  if (sensor.access.value.kind === 'allowed')
    for (const other of sensors)
      if (other.access.value.kind === 'ask' && other.plan.key !== 'location')
        other.access.value = { kind: 'allowed' }
  switchSensor(sensor, true)
}

void Promise.all(sensors.map(sensor => sensor.recall())).then(runWanted)
