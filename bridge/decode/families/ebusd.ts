/**
 * ebusd, which reads heating systems: `ebusd/<circuit>/<message>`, a plain value or `{"<field>":{"value":..}}`.
 * https://github.com/john30/ebusd/wiki/3.3.-MQTT-client
 */

import { type Family, ignore } from '../family.ts'

export const ebusd: Family = {
  name: 'ebusd',
  topics: [
    ['ebusd/{circuit}/{message}/set|get|list', ignore('command')],
    ['ebusd/global/{name}', ({ name }) => ({ device: 'ebusd', field: `global.${name}` })],
    [
      'ebusd/{circuit}/{path...}',
      ({ circuit, path }) => ({ device: circuit!, field: path!.replaceAll('/', '.') }),
    ],
  ],
}
