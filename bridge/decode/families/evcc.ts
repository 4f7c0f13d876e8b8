/**
 * evcc, which charges cars by the sun: `evcc/site/<path>`, `evcc/loadpoints/<n>/<name>`, `evcc/vehicles/<name>/<name>`.
 * https://docs.evcc.io/en/docs/integrations/mqtt-api
 */

import { type Family, ignore } from '../family.ts'

export const evcc: Family = {
  name: 'evcc',
  topics: [
    ['evcc/{path...}/set', ignore('command')],
    ['evcc/updated', ignore('sign of life')],
    [
      'evcc/loadpoints|vehicles/{name}/{path...}',
      ({ name, path }, [, kind]) => ({ device: `${kind}/${name}`, field: path!.replaceAll('/', '.') }),
    ],
    ['evcc/status', () => ({ device: 'evcc', isAvailability: true, field: 'status' })],
    ['evcc/{path...}', ({ path }) => ({ device: 'evcc', field: path!.replaceAll('/', '.') })],
  ],
}
