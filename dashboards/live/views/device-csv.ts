/** The range and the fields on the screen as a CSV file. */

import { serverNow } from '../data/clock.ts'
import type { Course } from '../data/course.ts'
import type { Device, Field } from '../data/fleet.ts'
import { asSwitch } from '../words/fields.ts'

export function saveCsv(device: Device, courses: ReadonlyMap<Field, Course>, range: string): void {
  const blob = new Blob([toCsv(courses)], { type: 'text/csv' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  const day = new Date(serverNow()).toISOString().slice(0, 10)
  link.download = `${device.id.replace(/[^\w.-]+/g, '_')}_${range}_${day}.csv`
  link.click()
  // The browser reads it after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** A row per time, a column per field: mean of the bucket, or the raw value. */
export function toCsv(courses: ReadonlyMap<Field, Course>): string {
  const rows = new Map<number, string[]>()
  const fields = [...courses.keys()]
  for (const [column, field] of fields.entries()) {
    const course = courses.get(field)!
    for (let i = 0; i < course.length; i++) {
      const time = course.times[i]!
      let row = rows.get(time)
      if (!row) {
        row = fields.map(() => '')
        rows.set(time, row)
      }
      row[column] = cell(field, course, course.mean[i]!)
    }
  }
  const head = [
    'time',
    ...fields.map(field => quote(field.unit ? `${field.name} (${field.unit})` : field.name)),
  ]
  const body = [...rows]
    .sort(([a], [b]) => a - b)
    .map(([time, row]) => [new Date(time).toISOString(), ...row].join())
  return `${[head.join(), ...body].join('\r\n')}\r\n`
}

function cell(field: Field, course: Course, value: number): string {
  if (typeof field.value === 'number') return String(Number(value.toPrecision(12)))
  if (field.value !== null && asSwitch(field, field.value) !== null) return String(value >= 0.5)
  return quote(course.word(value))
}

/** A text that begins like a formula would be one in a spreadsheet: devices choose these texts. */
function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
