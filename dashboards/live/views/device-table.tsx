/** The numbers of the chart as a table, newest first. */

import { serverNow } from '../data/clock.ts'
import type { Course } from '../data/course.ts'
import type { Field } from '../data/fleet.ts'
import { asSwitch, fieldLabel, valueWord } from '../words/fields.ts'
import { whenOf } from '../words/format.ts'

const MOST_ROWS = 200

export function CourseTable({ courses }: { courses: ReadonlyMap<Field, Course> }) {
  const fields = [...courses.keys()]
  const rows = newestRows(courses)
  const now = serverNow()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="course-table" tabIndex={0} aria-label="Table of the course">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {fields.map(field => (
              <th key={field.name} scope="col" class="number">
                {fieldLabel(field.name)} {field.unit && <span class="note">{field.unit}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([time, cells]) => (
            <tr key={time}>
              <th scope="row">{whenOf(time, now)}</th>
              {cells.map((cell, at) => (
                <td key={fields[at]?.name} class="number">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        At most {MOST_ROWS} rows, as of the moment the table was opened. CSV has all of them.
      </p>
    </section>
  )
}

function newestRows(courses: ReadonlyMap<Field, Course>): readonly (readonly [number, readonly string[]])[] {
  const rows = new Map<number, string[]>()
  for (const [column, [field, course]] of [...courses].entries()) {
    for (let i = Math.max(0, course.length - MOST_ROWS); i < course.length; i++) {
      const time = course.times[i]!
      const cells = rows.get(time) ?? Array.from(courses, () => '')
      cells[column] = cellText(field, course, course.mean[i]!)
      rows.set(time, cells)
    }
  }
  return [...rows].sort(([a], [b]) => b - a).slice(0, MOST_ROWS)
}

function cellText(field: Field, course: Course, value: number): string {
  if (typeof field.value === 'number') return valueWord(field, value, field.decimals)
  if (field.value !== null && asSwitch(field, field.value) !== null) return valueWord(field, value >= 0.5, 0)
  return course.word(value)
}
