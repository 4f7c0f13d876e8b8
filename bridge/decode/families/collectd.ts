/**
 * collectd: `collectd/<host>/<plugin>/<type>` with `<seconds>:<value>[:<value>...]`, as its RRD tools take it.
 * https://www.collectd.org/documentation/manpages/collectd.conf.html#plugin-mqtt
 */

import { type Context, type Family, ignored, type Plan, type Result } from '../family.ts'
import { documentResult } from '../results.ts'
import { numberOf } from '../scalar.ts'

export const collectd: Family = {
  name: 'collectd',
  topics: [
    ['collectd/{host}/{path...}', ({ host, path }) => ({ device: host!, field: path!.replaceAll('/', '.') })],
  ],
  recogniseText,
}

const LINE = /^(\d{10}(?:\.\d{1,9})?|N)((?::(?:[-+]?[\d.]{1,30}(?:e[-+]?\d{1,3})?|U|-?nan))+)$/i

function recogniseText(text: string, plan: Plan, context: Context): Result | undefined {
  const [, timestamp = '', list = ''] = LINE.exec(text) ?? []
  if (list === '') return undefined
  const values = list
    .slice(1)
    .split(':')
    .map(value => numberOf(value) ?? null)
  const { leaf } = plan.scalar
  const fields = values.map((value, i) => [values.length === 1 ? leaf : `${leaf}.${i}`, value])
  const subject = { ...plan.scalar, prefix: '' }
  if (values.every(value => value === null)) return ignored('no value')
  return documentResult(
    { timestamp, ...Object.fromEntries(fields) },
    { object: subject, scalar: subject },
    context,
  )
}
