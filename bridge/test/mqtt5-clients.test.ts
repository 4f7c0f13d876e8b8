/** Clients that people have, as they are, by MQTT 5: over TCP, TLS and WebSocket. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import mqtt, { type IPublishPacket } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tool } from './tool.ts'
import { newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const run = promisify(execFile)
/** Debian's, where the package for its Paho client is. */
const PYTHON = '/usr/bin/python3'

let dataDir: string
let trestle: Trestle
let caFile: string

beforeAll(async () => {
  dataDir = newDataDir()
  caFile = JSON.parse(await tool(dataDir, ['tls', 'init', '--json'])).ca
  trestle = await startTrestle({ dataDir, env: { TRESTLE_MQTTS_PORT: '0' } })
}, 60_000)
afterAll(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

/** Of a connection of Mosquitto's programs. */
function over(transport: 'tcp' | 'tls'): string[] {
  return transport === 'tcp'
    ? ['-h', '127.0.0.1', '-p', String(trestle.mqtt), '-V', 'mqttv5']
    : ['-h', 'localhost', '-p', String(trestle.mqtts), '-V', 'mqttv5', '--cafile', caFile]
}

/** A program that says something when it is ready, and `count` lines later. */
async function lines(command: string, args: readonly string[], isReady: RegExp, count: number) {
  // Into a pipe it would speak in blocks.
  const child = spawn('stdbuf', ['-oL', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let wake: () => void = () => undefined
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text
      wake()
    })
  child.once('exit', () => wake())
  const until = async (isDone: () => boolean) => {
    while (!isDone()) {
      if (child.exitCode !== null && !isDone()) throw new Error(`${command} ended: ${said}`)
      await new Promise<void>(resolve => (wake = resolve))
    }
  }
  await until(() => isReady.test(said))
  return {
    heard: async () => {
      const told = () => said.split('\n').filter(line => line.startsWith('> '))
      await until(() => told().length >= count)
      // By TERM it would say goodbye from within its signal handler, and may hang in it over TLS.
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return told()
    },
  }
}

describe.each(['tcp', 'tls'] as const)("Mosquitto's programs over %s", transport => {
  it('a publication with all of its properties reaches a subscriber, and a will, too', async () => {
    const topic = `people/${transport}`
    const format = '> %t %q %r %p %C %E %F %R %P'
    const watcher = await lines(
      'mosquitto_sub',
      [...over(transport), '-d', '-q', '2', '-t', `${topic}/#`, '-F', format, '-i', `watcher-${transport}`],
      /Subscribed|SUBACK/,
      2,
    )
    const properties = [
      ['content-type', 'text/plain'],
      ['message-expiry-interval', '90'],
      ['payload-format-indicator', '1'],
      ['response-topic', 'answers'],
      ['user-property', 'first', 'one'],
      ['user-property', 'second', 'two'],
    ]
    await run('mosquitto_pub', [
      ...over(transport),
      ...['-q', '2', '-t', `${topic}/said`, '-m', 'hello'],
      ...properties.flatMap(property => ['-D', 'publish', ...property]),
    ])
    const doomed = await lines(
      'mosquitto_sub',
      [
        ...[...over(transport), '-d', '-t', 'nothing', '-i', `doomed-${transport}`],
        ...['--will-topic', `${topic}/will`, '--will-payload', 'gone', '--will-qos', '1'],
        ...['-D', 'will', 'content-type', 'text/x-will'],
      ],
      /SUBACK|Subscribed/,
      0,
    )
    await doomed.heard()
    const [said, will] = await watcher.heard()
    expect(said).toMatch(
      new RegExp(`> ${topic}/said 2 0 hello text/plain (90|89) 1 answers first:one second:two`),
    )
    expect(will).toContain(`> ${topic}/will 1 0 gone text/x-will`)
  })

  it('a request gets its response', async () => {
    const answerer = await mqtt.connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`, { protocolVersion: 5 })
    await answerer.subscribeAsync(`ask/${transport}`, { qos: 1 })
    answerer.on('message', (_topic, payload, { properties = {} }) => {
      const { responseTopic = '', correlationData } = properties
      const data = correlationData === undefined ? {} : { correlationData }
      answerer.publish(responseTopic, `you said ${payload}`, { qos: 1, properties: data })
    })
    const { stdout } = await run('mosquitto_rr', [
      ...over(transport),
      ...['-q', '1', '-t', `ask/${transport}`, '-e', `answer/${transport}`, '-m', 'hello', '-W', '10'],
    ])
    expect(stdout.trim()).toBe('you said hello')
    await answerer.endAsync()
  })

  it('a session of mosquitto_sub outlives its connection', async () => {
    const session = ['-c', '-x', '600', '-q', '1', '-t', `sleepy/${transport}`, '-i', `sleepy-${transport}`]
    await run('mosquitto_sub', [...over(transport), ...session, '-E'])
    await run('mosquitto_pub', [...over(transport), '-q', '1', '-t', `sleepy/${transport}`, '-m', 'missed'])
    const { stdout } = await run('mosquitto_sub', [...over(transport), ...session, '-C', '1', '-W', '10'])
    expect(stdout.trim()).toBe('missed')
  })
})

describe.each(['mqtt', 'mqtts', 'wss'] as const)('MQTT.js over %s', protocol => {
  it('publishes and hears at every level, with properties, aliases both ways and a session', async () => {
    const port = { mqtt: trestle.mqtt, mqtts: trestle.mqtts, wss: trestle.http }[protocol]
    const options = {
      protocolVersion: 5,
      ca: readFileSync(caFile),
      clientId: `js-${protocol}`,
      clean: false,
      autoUseTopicAlias: true,
      autoAssignTopicAlias: true,
      properties: { sessionExpiryInterval: 60, topicAliasMaximum: 5, receiveMaximum: 20 },
    } as const
    const url = `${protocol}://localhost:${port}/mqtt`
    const client = await mqtt.connectAsync(url, options)
    const packets: IPublishPacket[] = []
    const isWhole = new Promise<void>(resolve =>
      client.on('message', (topic, payload, packet) => {
        packets.push({ ...packet, topic, payload })
        if (packets.length === 90) resolve()
      }),
    )
    await client.subscribeAsync(`js/${protocol}/#`, { qos: 2, rap: true })
    const properties = { contentType: 'text/plain', userProperties: { a: ['1', '2'] } }
    await Promise.all(
      Array.from({ length: 90 }, (_, i) =>
        client.publishAsync(`js/${protocol}/${i % 4}`, String(i), { qos: (i % 3) as 0, properties }),
      ),
    )
    await isWhole
    for (const qos of [0, 1, 2]) {
      const heard = packets.filter(packet => packet.qos === qos).map(({ payload }) => Number(payload))
      expect(heard).toEqual(Array.from({ length: 30 }, (_, i) => 3 * i + qos))
    }
    for (const packet of packets) {
      expect(packet.topic).toBe(`js/${protocol}/${Number(packet.payload) % 4}`)
      expect(packet.properties).toMatchObject(properties)
    }
    await client.endAsync()
    const again = await mqtt.connectAsync(url, options)
    expect(again.disconnecting).toBe(false)
    await again.endAsync(false, { properties: { sessionExpiryInterval: 0 } })
  })
})

const PAHO = `
import ssl, sys
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes
transport, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
heard = []
def on_connect(client, userdata, flags, code, properties):
    client.subscribe([('paho/' + transport + '/#', mqtt.SubscribeOptions(qos=2, noLocal=False))])
def on_subscribe(client, userdata, mid, codes, properties):
    for qos in range(3):
        said = Properties(PacketTypes.PUBLISH)
        said.ContentType = 'text/plain'
        said.UserProperty = ('a', str(qos))
        client.publish('paho/%s/%d' % (transport, qos), 'hello', qos=qos, properties=said)
def on_message(client, userdata, message):
    heard.append('%s %d %s %s' % (message.topic, message.qos, message.payload.decode(), message.properties))
    if len(heard) == 3: client.disconnect()
client = mqtt.Client('paho-' + transport, protocol=mqtt.MQTTv5, transport='websockets' if transport == 'ws' else 'tcp')
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
if transport != 'tcp': client.tls_set(ca)
client.connect('localhost', port, clean_start=True)
client.loop_forever()
print('\\n'.join(sorted(heard)))
`

it.each(['tcp', 'tls', 'ws'] as const)('Paho for Python over %s', async transport => {
  const port = { tcp: trestle.mqtt, tls: trestle.mqtts, ws: trestle.http }[transport]
  const { stdout } = await run(PYTHON, ['-c', PAHO, transport, String(port), caFile], { timeout: 15_000 })
  expect(stdout.trim().split('\n')).toEqual(
    [0, 1, 2].map(qos => expect.stringContaining(`paho/${transport}/${qos} ${qos} hello`)),
  )
  expect(stdout).toContain("UserProperty : [('a', '2')]")
})
