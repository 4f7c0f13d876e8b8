/**
 * OpenMQTTGateway and Theengs Gateway: `<base>/<gateway>/<what>toMQTT/...`. The gateway speaks for the devices that
 * it hears: Bluetooth ones by MAC, radio ones by model, channel and id. https://docs.openmqttgateway.com/
 */

import type { Claim, Family } from '../family.ts'

export const openmqttgateway: Family = {
  name: 'openmqttgateway',
  topics: [
    ['#', (_, levels) => about(levels)],
    ['{base}/home_presence/#', ({ base }) => ({ device: base!, isShared: true })],
  ],
}

function about(levels: readonly string[]): Claim | undefined {
  const at = levels.findIndex((level, i) => i > 0 && level.length > 6 && level.endsWith('toMQTT'))
  if (at === -1) return undefined
  const kind = levels[at]!
  const below = levels.slice(at + 1)
  const last = below.at(-1)
  const isAddress = last !== undefined && /^(0x)?[0-9a-f]{6,16}$/i.test(last.replaceAll(':', ''))
  if (kind === 'BTtoMQTT' && last !== undefined) return { device: last }
  if (below.length === 0 && kind === 'RTL_433toMQTT') return { device: levels[at - 1]!, isShared: true }
  if (kind === 'BTtoMQTT') return { device: levels[at - 1]!, isShared: true }
  if (kind === 'RTL_433toMQTT') return { device: below.join('/') }
  if (isAddress) return { device: last }
  return { device: levels[at - 1]!, field: levels.slice(at).join('.') }
}
