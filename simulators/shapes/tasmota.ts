/**
 * Tasmota: `tele/<topic>/SENSOR` and `STATE` with nested JSON and a time without a zone, `LWT` retained,
 * `cmnd/<topic>/POWER` answered by `stat/<topic>/RESULT` and `POWER`. A field is the path inside the JSON:
 * `ENERGY.Power`, `AM2301.Temperature`; `POWER` is the relay.
 */

import { type About, metadata, reading, type Shape, type Values } from '../device.ts'
import { hash } from '../random.ts'
import { nested } from './nested.ts'

export function tasmota(topic: string, model = 'Nous A1T'): Shape {
  const mac = hash(topic).toString(16).toUpperCase().padStart(12, '2C3AE8').slice(-12)
  return {
    client: `DVES_${mac.slice(-6)}`,
    will: metadata(`tele/${topic}/LWT`, 'Offline'),
    listens: [`cmnd/${topic}/#`],
    greet: about => [
      metadata(`tele/${topic}/LWT`, 'Online'),
      metadata(`tasmota/discovery/${mac}/config`, discovery(topic, mac, model, about)),
    ],
    report: (about, values, nowMs) => {
      const messages = [reading(`tele/${topic}/SENSOR`, sensorJson(about, values, nowMs))]
      if ('POWER' in values) messages.push(reading(`tele/${topic}/STATE`, stateJson(values, nowMs)))
      return messages
    },
    understand: (_about, commandTopic, payload) => {
      const match = /^cmnd\/.*\/(POWER1?)$/i.exec(commandTopic)
      if (match === null || !commandTopic.startsWith(`cmnd/${topic}/`)) return null
      return payload === '' ? [] : [{ field: 'POWER', value: payload }]
    },
    answer: (_about, _changes, values) => {
      const power = values.POWER === true ? 'ON' : 'OFF'
      return [
        reading(`stat/${topic}/RESULT`, JSON.stringify({ POWER: power })),
        reading(`stat/${topic}/POWER`, power),
      ]
    },
  }
}

function sensorJson(about: About, values: Values, nowMs: number): string {
  const { POWER: _relay, 'Wifi.Signal': _signal, ...sensors } = values
  const hasTemperature = Object.keys(sensors).some(path => about.fields[path]?.class === 'temperature')
  const units = hasTemperature ? { TempUnit: 'C' } : {}
  return JSON.stringify({ Time: localTime(nowMs), ...nested(sensors), ...units })
}

function stateJson(values: Values, nowMs: number): string {
  const signal = values['Wifi.Signal']
  return JSON.stringify({
    Time: localTime(nowMs),
    POWER: values.POWER === true ? 'ON' : 'OFF',
    ...(signal === undefined
      ? {}
      : { Wifi: { AP: 1, SSId: 'home', RSSI: 2 * (Number(signal) + 100), Signal: signal } }),
  })
}

/** As Tasmota writes it: whole seconds and no zone. */
function localTime(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19)
}

function discovery(topic: string, mac: string, model: string, about: About): object {
  return {
    ip: `192.168.1.${(hash(topic) % 200) + 20}`,
    dn: about.name,
    fn: [about.name, null],
    hn: `${topic}-${mac.slice(-4)}`,
    mac,
    md: model,
    ty: 0,
    if: 0,
    ofln: 'Offline',
    onln: 'Online',
    state: ['OFF', 'ON', 'TOGGLE', 'HOLD'],
    sw: '14.6.0',
    t: topic,
    ft: '%prefix%/%topic%/',
    tp: ['cmnd', 'stat', 'tele'],
    rl: ['POWER' in about.fields ? 1 : 0, 0, 0, 0],
  }
}
