/** ESPresense: which room hears which beacon, and how far away. https://espresense.com/configuration/mqtt */

import { type Family, ignore } from '../family.ts'

export const espresense: Family = {
  name: 'espresense',
  topics: [
    ['espresense/settings/#', ignore('metadata')],
    ['espresense/devices/{device}/{room}', ({ device, room }) => ({ device: device!, room: room! })],
    ['espresense/rooms/{room}/telemetry', ({ room }) => ({ device: room!, room: room! })],
    ['espresense/rooms/{room}/status', ({ room }) => ({ device: room!, room: room!, isAvailability: true })],
    [
      'espresense/rooms/{room}/{field...}',
      ({ room, field }) => ({ device: room!, room: room!, field: field!.replaceAll('/', '.') }),
    ],
  ],
}
