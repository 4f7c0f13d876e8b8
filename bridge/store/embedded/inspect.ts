/** What is in the files, past all code of ours: for tests. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

const SERIES = `device || '/' || field || '/' || tags || '/' || kind`

/** Every row as text, in the order of file, series and time. */
export function storedRows(directory: string): string[] {
  return dayFiles(directory).flatMap(path =>
    query(
      path,
      `SELECT ${SERIES} || ' ' || time_us || ' ' || value AS text FROM series JOIN (
         SELECT * FROM reading UNION ALL SELECT * FROM reading_text
       ) USING (sid) ORDER BY text`,
    ).map(({ text }) => String(text)),
  )
}

export function dirtyMinutes(directory: string): number {
  return dayFiles(directory).flatMap(path => query(path, 'SELECT minute FROM dirty')).length
}

type Rollups = Record<'minute' | 'hour', unknown[]>

const COLUMNS = 'count, sum, min, max, last, last_us'

export function storedRollups(directory: string): Rollups {
  const of = (table: string) =>
    query(
      join(directory, 'rollup.db'),
      `SELECT ${SERIES} AS series, bucket, ${COLUMNS} FROM series JOIN ${table} USING (sid) ORDER BY series, bucket`,
    )
  return { minute: of('minute'), hour: of('hour') }
}

/** What the roll-ups ought to be. */
export function rollupsOfRows(directory: string): Rollups {
  const of = (widthUs: number) =>
    dayFiles(directory)
      .flatMap(path =>
        query(
          path,
          `WITH rows AS (
             SELECT sid, time_us, value, value AS number FROM reading
             UNION ALL SELECT sid, time_us, value, NULL FROM reading_text
           ), newest AS (
             SELECT sid, time_us / ${widthUs} AS bucket, max(time_us) AS last_us, value AS last FROM rows GROUP BY 1, 2
           )
           SELECT ${SERIES} AS series, time_us / ${widthUs} AS bucket,
             count(*) AS count, sum(number) AS sum, min(number) AS min, max(number) AS max, last, newest.last_us
           FROM series JOIN rows USING (sid) JOIN newest ON newest.sid = rows.sid AND newest.bucket = time_us / ${widthUs}
           GROUP BY 1, 2 ORDER BY 1, 2`,
        ),
      )
      .sort((a, b) => compare(`${a.series}`, `${b.series}`) || Number(a.bucket) - Number(b.bucket))
  return { minute: of(60_000_000), hour: of(3_600_000_000) }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function dayFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter(name => /^history-\d+\.db$/.test(name))
    .sort()
    .map(name => join(directory, name))
}

function query(path: string, sql: string) {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return db.prepare(sql).all()
  } finally {
    db.close()
  }
}
