import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startHome } from './home.ts'
import { type Arrived, startBroker, type TestBroker } from './test/broker.ts'

describe('the demo home', () => {
  let broker: TestBroker
  let home: { stop(): Promise<void> }

  beforeEach(async () => {
    broker = await startBroker()
    home = await startHome({ url: broker.url, seed: 4 })
  })
  afterEach(async () => {
    await home.stop()
    await broker.close()
  })

  it('has values of every device within 200 ms of the connection', async () => {
    let connectedMs = 0
    broker.aedes.once('client', () => {
      connectedMs = performance.now()
    })
    await broker.until(arrived => READINGS.every(topic => arrived.some(message => topic.test(message.topic))))
    expect(performance.now() - connectedMs).toBeLessThan(200)
  })

  it('says what it has before it says how things are, retained', async () => {
    await broker.until(has('home/garden/weather-station/state'))
    const topics = broker.arrived
      .filter(({ client }) => client === 'weather-station')
      .map(({ topic }) => topic)
    expect(topics[0]).toBe('home/garden/weather-station/availability')
    expect(topics.slice(1, -1).every(topic => topic.startsWith('homeassistant/'))).toBe(true)
    const config = broker.arrived.find(({ topic }) => topic.includes('weather_station/temperature/config'))!
    expect(config.retain).toBe(true)
    expect(JSON.parse(config.payload.toString())).toMatchObject({
      state_topic: 'home/garden/weather-station/state',
      unit_of_measurement: '°C',
      device_class: 'temperature',
      device: { suggested_area: 'Garden' },
    })
  })

  it('obeys: a lamp is switched by its set topic and says so', async () => {
    await broker.until(has('zigbee2mqtt/living_room_lamp'))
    await subscribed(broker, 'zigbee2mqtt')
    const before = broker.arrived.length
    await broker.publish('zigbee2mqtt/living_room_lamp/set', '{"brightness":77}')
    const isDimmed = (message: Arrived) =>
      message.topic === 'zigbee2mqtt/living_room_lamp' &&
      message.payload.toString().includes('"brightness":77')
    await broker.until(arrived => arrived.slice(before).some(isDimmed))
  })

  it('a Tasmota plug answers with RESULT, POWER and its new state', async () => {
    await subscribed(broker, 'DVES_')
    await broker.publish('cmnd/fridge_plug/POWER', 'OFF')
    await broker.until(has('stat/fridge_plug/POWER'))
    const said = (topic: string) =>
      broker.arrived.findLast(message => message.topic === topic)!.payload.toString()
    expect(said('stat/fridge_plug/POWER')).toBe('OFF')
    expect(JSON.parse(said('stat/fridge_plug/RESULT'))).toEqual({ POWER: 'OFF' })
    await broker.until(arrived =>
      arrived.some(({ topic, payload }) => topic === 'tele/fridge_plug/STATE' && payload.includes('"OFF"')),
    )
    expect(JSON.parse(said('tele/fridge_plug/SENSOR')).ENERGY.Power).toBe(0)
  })

  it('leaves its last will when the connection is cut, and comes back with a greeting', async () => {
    await broker.until(has('home/garden/weather-station/state'))
    for (const socket of broker.sockets) socket.destroy()
    const states = () =>
      broker.arrived
        .filter(({ topic }) => topic === 'home/garden/weather-station/availability')
        .map(({ payload }) => payload.toString())
    await broker.until(() => states().length >= 3)
    expect(states()).toEqual(['online', 'offline', 'online'])
  })

  it('says goodbye when it is stopped', async () => {
    await broker.until(has('tele/fridge_plug/LWT'))
    await home.stop()
    const last = broker.arrived.findLast(({ topic }) => topic === 'tele/fridge_plug/LWT')!
    expect(last.payload.toString()).toBe('Offline')
    expect(broker.aedes.connectedClients).toBe(0)
  })
})

const READINGS = [
  /^zigbee2mqtt\/bedroom_climate$/,
  /^zigbee2mqtt\/living_room_radiator$/,
  /^tele\/fridge_plug\/SENSOR$/,
  /^shellyplusplugs-[0-9a-f]+\/events\/rpc$/,
  /^kitchen-air\/sensor\/co2\/state$/,
  /^home\/garden\/weather-station\/state$/,
  /^home\/living-room\/plant-pot\/state$/,
]

function has(topic: string): (arrived: readonly Arrived[]) => boolean {
  return arrived => arrived.some(message => message.topic === topic)
}

/** Resolves when a client whose id begins so listens for commands. */
async function subscribed(broker: TestBroker, client: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  broker.aedes.on('subscribe', (_subscriptions, by) => {
    if (by.id.startsWith(client)) resolve()
  })
  const timer = setTimeout(resolve, 500)
  await promise
  clearTimeout(timer)
}
