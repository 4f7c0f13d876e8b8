/** DSMR-reader: one smart meter; `dsmr/json` the telegram, else `dsmr/<group>/<field>`. Decimals come as texts. */

import type { Family } from '../family.ts'

export const dsmr: Family = {
  name: 'dsmr',
  topics: [
    ['dsmr/{group}', ({ group }) => ({ device: 'dsmr', field: group!, isObjectBare: true })],
    ['dsmr/{path...}', ({ path }) => ({ device: 'dsmr', field: path!.replaceAll('/', '.') })],
  ],
}
