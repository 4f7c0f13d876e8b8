import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { AckReader, encodeTopic, latin1, publishPacket, pubrelPacket } from './packets.ts'

describe('packets', () => {
  it.each([0, 1, 100, 127, 128, 16_000, 16_384, 2_097_152])(
    'a PUBLISH of %i bytes is what a library reads',
    length => {
      const payload = 'x'.repeat(length)
      for (const qos of [0, 1, 2] as const) {
        const packet = publishPacket(encodeTopic('a/ü/b'), payload, { qos, packetId: 513, dup: qos > 0 })
        const read = parsed(packet) as IPublishPacket
        expect(read).toMatchObject({ cmd: 'publish', topic: 'a/ü/b', qos, dup: qos > 0, retain: false })
        expect(read.payload.toString()).toBe(payload)
        expect(read.messageId).toBe(qos === 0 ? undefined : 513)
      }
    },
  )

  it('keeps UTF-8 as it is', () => {
    const read = parsed(
      publishPacket(encodeTopic('t'), latin1('21.5 °C'), { qos: 0, packetId: 0 }),
    ) as IPublishPacket
    expect(read.payload.toString()).toBe('21.5 °C')
  })

  it('a PUBREL is what a library reads', () => {
    expect(parsed(pubrelPacket(65_535))).toMatchObject({ cmd: 'pubrel', messageId: 65_535 })
  })

  it('acknowledgements are the same, fed whole or byte by byte', () => {
    const bytes = Buffer.concat([
      mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
      mqttPacket.generate({ cmd: 'puback', messageId: 1 }),
      mqttPacket.generate({
        cmd: 'publish',
        topic: 't',
        payload: 'y'.repeat(300),
        qos: 0,
        dup: false,
        retain: false,
      }),
      mqttPacket.generate({ cmd: 'pubrec', messageId: 258 }),
      mqttPacket.generate({ cmd: 'pingresp' }),
      mqttPacket.generate({ cmd: 'connack', returnCode: 5, sessionPresent: false }),
    ])
    const read = (chunks: readonly Buffer[]) => {
      const packets: [number, number][] = []
      const reader = new AckReader((type, id, code) => packets.push([type, type === 2 ? code : id]))
      for (const chunk of chunks) reader.push(chunk)
      return packets.filter(([type]) => type !== 3)
    }
    const whole = read([bytes])
    expect(whole).toEqual([
      [2, 0],
      [4, 1],
      [5, 258],
      [13, 0],
      [2, 5],
    ])
    expect(read([...bytes].map(byte => Buffer.from([byte])))).toEqual(whole)
  })
})

function parsed(packet: string): Packet {
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const packets: Packet[] = []
  parser.on('packet', read => packets.push(read))
  parser.parse(Buffer.from(packet, 'latin1'))
  expect(packets.length).toBe(1)
  return packets[0]!
}
