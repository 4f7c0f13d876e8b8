/** WLED: `wled/<id>/g` brightness, `c` colour, `v` an XML document. https://kno.wled.ge/interfaces/mqtt/ */

import { type Family, ignore } from '../family.ts'

export const wled: Family = {
  name: 'wled',
  topics: [
    ['wled/{device}/api|col', ignore('command')],
    ['wled/{device}/v', ignore('markup')],
    ['wled/{device}', ignore('command')],
    ['wled/{device}/{leaf}', ({ device, leaf }) => ({ device: device!, field: leaf! })],
  ],
}
