import type { Device, Field } from '../device.ts'
import * as field from '../fields.ts'
import { shellyGen2 } from '../shapes/shelly.ts'
import { drift, energyKwh, type Signal } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** Three phases at the fuse box: a base load, and whatever people switch on. */
export function energyMeter(place: Place): Device {
  const { house, random } = place
  const mains = here(place, house.weather.mains)
  const phases = ['a', 'b', 'c'].map(phase => {
    const wander = drift(random.fork(phase), 45, 60_000)
    const burst = drift(random.fork(`${phase} burst`), 1, 300_000)
    const watts: Signal = nowMs => Math.max(20, 140 + wander(nowMs) + (burst(nowMs) > 1.2 ? 1750 : 0))
    return { phase, watts: once(watts) }
  })
  const total: Signal = nowMs => phases.reduce((sum, { watts }) => sum + watts(nowMs), 0)
  const fields: Record<string, Field> = {}
  for (const { phase, watts } of phases) {
    fields[`em:0.${phase}_act_power`] = field.power(watts, random.fork(`${phase} power`))
    fields[`em:0.${phase}_voltage`] = field.voltage(mains, random.fork(`${phase} voltage`))
    fields[`em:0.${phase}_current`] = field.current(watts, mains)
  }
  fields['em:0.total_act_power'] = field.power(total, random.fork('total'))
  fields['emdata:0.total_act'] = { read: wattHours(total), unit: 'Wh', class: 'energy' }
  const shape = shellyGen2(`shellypro3em-${random.fork('mac').hex(12)}`, { hasStatusTopics: true })
  return { ...placed(place, 2000), shape, fields }
}

function wattHours(watts: Signal): Signal {
  const kwh = energyKwh(watts, 10_320)
  return nowMs => Math.round(kwh(nowMs) * 100_000) / 100
}

/** The same value for all who read it at one time: power, current and sum belong together. */
function once(signal: Signal): Signal {
  let lastMs = -1
  let value = 0
  return nowMs => {
    if (nowMs !== lastMs) value = signal(nowMs)
    lastMs = nowMs
    return value
  }
}
