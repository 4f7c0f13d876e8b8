import { expect, test } from 'vitest'
import { Device } from '../data/fleet.ts'
import { windowsOf } from './fleet-window.ts'

const sizes = { row: 24, head: 40 }
const rooms = Array.from({ length: 20 }, (_, room) => ({
  name: `Room ${room}`,
  devices: Array.from({ length: 50 }, (_, i) => new Device(`${room}-${i}`)),
}))

test('few devices are all there', () => {
  expect(windowsOf(rooms.slice(0, 2), sizes, { top: 0, bottom: 800 }, 100)).toEqual([null, null])
})

test('of many only those in view and a little around it', () => {
  const view = { top: 10_000, bottom: 10_800 }
  const windows = windowsOf(rooms, sizes, view, 1000)
  const made = windows.reduce((sum, window) => sum + (window ? window.end - window.first : 0), 0)
  expect(made).toBeLessThan(75)
  // The row in the middle of the view: eight whole rooms above it, and the head of its own.
  const room = Math.floor(10_400 / (40 + 50 * 24))
  const row = Math.floor((10_400 - room * 1240 - 40) / 24)
  expect(windows[room]!.first).toBeLessThanOrEqual(row)
  expect(windows[room]!.end).toBeGreaterThan(row)
})
