import { expect, it } from 'vitest'
import { type BrokerAddress, brokerAddress, clearLine, connectLines, noteAddress } from './broker-address.ts'

const OPEN: BrokerAddress = {
  host: 'localhost',
  port: 1883,
  isTls: false,
  needsCredentials: false,
  hasAuthority: false,
  isTold: true,
}

it('where it is open, there is nothing to show and no usual port to name', () => {
  expect(connectLines(OPEN)).toEqual({
    address: 'mqtt://localhost:1883',
    makeDevice: null,
    publish: 'mosquitto_pub -h localhost -q 1 -t home/kitchen/thermo/temperature -m 21.5',
    makeHouse: null,
    simulate: 'npm run simulate -- home',
  })
  expect(connectLines({ ...OPEN, port: 1884, host: 'pi' })?.simulate).toBe(
    'npm run simulate -- home -h pi -p 1884',
  )
})

it('with TLS and identities, the lines name port, authority and who it is', () => {
  const closed = { ...OPEN, host: 'pi', port: 8883, isTls: true, needsCredentials: true, hasAuthority: true }
  expect(connectLines(closed)).toEqual({
    address: 'mqtts://pi:8883',
    makeDevice: 'npm run trestle -- device add thermo',
    publish:
      'mosquitto_pub -h pi -p 8883 --cafile ca.crt -u thermo -P SECRET -q 1 -t home/kitchen/thermo/temperature -m 21.5',
    makeHouse: 'npm run trestle -- device add house --gateway',
    simulate: 'npm run simulate -- home -h pi -p 8883 --cafile ca.crt -u house -P SECRET',
  })
  const ofOthers = connectLines({ ...closed, needsCredentials: false, hasAuthority: false })
  expect(ofOthers?.publish).toContain('-p 8883 --tls-use-os-certs -q 1')
  expect(ofOthers?.simulate).toBe('npm run simulate -- home -h pi -p 8883 -l mqtts')
})

it('a bridge that reads from another broker has no lines', () => {
  expect(connectLines({ ...OPEN, port: null })).toBeNull()
})

it('what a stranger is not told stays as it was', () => {
  const well = { ready: true, reason: null }
  noteAddress({ ...well, mqtt: 1883, mqtts: 8883, needsCredentials: true, hasAuthority: true })
  const told = brokerAddress.value
  expect(told).toMatchObject({ port: 8883, isTls: true, needsCredentials: true, hasAuthority: true })
  noteAddress(well)
  expect(brokerAddress.value).toBe(told)
  noteAddress({ ...well, mqtt: null, mqtts: null })
  expect(brokerAddress.value).toMatchObject({ port: null, isTls: false, isTold: true })
})

it('a retained message is cleared where it is kept, whatever its topic is called', () => {
  expect(clearLine(OPEN, 'home/attic/boiler/power')).toBe(
    "mosquitto_pub -h localhost -q 1 -r -n -t 'home/attic/boiler/power'",
  )
  expect(clearLine({ ...OPEN, port: null }, "ann's $HOME/x")).toBe(
    "mosquitto_pub -h BROKER -q 1 -r -n -t 'ann'\\''s $HOME/x'",
  )
  const closed = { ...OPEN, host: 'pi', port: 8883, isTls: true, needsCredentials: true, hasAuthority: true }
  expect(clearLine(closed, 'a/b')).toBe(
    "mosquitto_pub -h pi -p 8883 --cafile ca.crt -u USER -P SECRET -q 1 -r -n -t 'a/b'",
  )
})
