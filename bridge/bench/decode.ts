/**
 * What decoding costs: `node bridge/bench/decode.ts [seconds]`. Prints one JSON line a case, in microseconds of CPU
 * time per message (the best tenth of the rounds, as a busy machine slows the others), JSON.parse alone beside it.
 */

import { createDecoder } from '../decode/decoder.ts'

const CASES: readonly (readonly [name: string, topic: string, payload: string])[] = [
  [
    'flat JSON',
    'home/kitchen/thermo-1/state',
    '{"temperature":21.5,"humidity":40.2,"battery":97,"ts":1763800000123}',
  ],
  ['plain number', 'home/kitchen/temperature', '21.5'],
  ['switch', 'shellies/shelly1/relay/0', 'on'],
  [
    'Zigbee2MQTT',
    'zigbee2mqtt/lounge_lamp',
    '{"brightness":254,"color":{"hue":25,"saturation":95,"x":0.4599,"y":0.4106},"color_mode":"color_temp","color_temp":370,"linkquality":141,"state":"OFF","update":{"installed_version":1,"latest_version":2,"state":"available"},"update_available":null}',
  ],
  [
    'Tasmota energy',
    'tele/plug/SENSOR',
    '{"Time":"2024-10-03T12:49:13","ENERGY":{"TotalStartTime":"2023-01-29T20:23:40","Total":381.701,"Yesterday":0.140,"Today":0.327,"Power":0,"Factor":0.00,"Voltage":239,"Current":0.000},"TempUnit":"C"}',
  ],
  [
    'line protocol',
    'telegraf/host1/cpu',
    'cpu,host=host1,cpu=cpu-total usage_idle=97.8,usage_user=1.2 1763800000000000000',
  ],
  ['long integer', 'plant/meter9/telemetry', '{"time":1763800000123456789,"power":413}'],
]

const seconds = Number(process.argv[2] ?? 1)
const decoder = createDecoder()
const nowUs = Date.now() * 1000

for (const [name, topic, text] of CASES) {
  const message = { topic, payload: Buffer.from(text), retain: false }
  const decode = measure(seconds, () => decoder.decode(message, nowUs))
  const parse = text.startsWith('{') ? measure(seconds / 2, () => JSON.parse(text)) : undefined
  process.stdout.write(`${JSON.stringify({ name, bytes: text.length, decodeUs: decode, parseUs: parse })}\n`)
}

const fresh = measure(seconds, i =>
  decoder.decode(
    { topic: `plant/line${i}/meter${i}/power`, payload: Buffer.from('1'), retain: false },
    nowUs,
  ),
)
process.stdout.write(`${JSON.stringify({ name: 'new topic each time', decodeUs: fresh })}\n`)

function measure(forSeconds: number, run: (i: number) => unknown): number {
  const rounds: number[] = []
  const until = performance.now() + forSeconds * 1000
  let i = 0
  while (performance.now() < until) {
    const start = process.cpuUsage()
    for (let n = 0; n < 5_000; n++) run(i++)
    rounds.push(process.cpuUsage(start).user / 5_000)
  }
  rounds.sort((a, b) => a - b)
  return Number(rounds[Math.floor(rounds.length / 10)]!.toFixed(3))
}
