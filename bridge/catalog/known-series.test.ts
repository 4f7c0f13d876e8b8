import { expect, it } from 'vitest'
import type { Reading } from '../telemetry/reading.ts'
import { KnownSeries } from './known-series.ts'
import type { StoredSeries } from './series.ts'

const reading = (device: string, topic: string, measurement = 'reading'): Reading => ({
  device,
  measurement,
  tags: { topic },
  fields: [],
  timeUs: null,
})
/** Only what is compared here. */
const seriesOf = ({ measurement }: Reading) => ({ measurement }) as StoredSeries

it('each reading finds its own series, however many there are and however alike their names', () => {
  const known = new KnownSeries()
  const readings = Array.from({ length: 40_000 }, (_, i) =>
    reading(`device-${i % 20_000}`, `home/${i}/state-of-the-room`),
  )
  const series = readings.map(seriesOf)
  for (const [i, each] of readings.entries()) known.keep(each, series[i]!)
  for (let round = 0; round < 2; round++)
    for (const [i, each] of readings.entries()) expect(known.find({ ...each, timeUs: i })).toBe(series[i])
})

it('the same tags of another device or measurement are another series, and equal tags are not the same', () => {
  const known = new KnownSeries()
  const first = reading('thermo', 'home/hall')
  const series = seriesOf(first)
  known.keep(first, series)
  expect(known.find({ ...first, device: 'thermo-2' })).toBeUndefined()
  expect(known.find({ ...first, measurement: 'air' })).toBeUndefined()
  expect(known.find(reading('thermo', 'home/hall'))).toBeUndefined()
  expect(known.find(first)).toBe(series)
  known.clear()
  expect(known.find(first)).toBeUndefined()
})
