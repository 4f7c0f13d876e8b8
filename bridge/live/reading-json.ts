/**
 * A reading as JSON text, and back. Written by hand: a third of the time of JSON.stringify on an object made
 * for it (0.55 against 1.6 microseconds with three fields), exact for microseconds and for big integers, and
 * indifferent to fields named `__proto__`.
 */

import type { AcceptedReading, Field, Tags, Value } from '../telemetry/reading.ts'

/** With other fields than its own: those that a filter left, or the newest. */
export function readingJson(reading: AcceptedReading, fields: readonly Field[] = reading.fields): string {
  let json = `{"device":${text(reading.device)},"topic":${text(reading.topic)},"time":${timeJson(reading.timeUs)}`
  json += `,"received":${timeJson(reading.receivedUs)},"values":{`
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!
    json += `${i === 0 ? '' : ','}${text(field.name)}:${valueJson(field.value)}`
  }
  return `${json}},"tags":${tagsJson(reading.tags)}}`
}

/** Milliseconds with up to three decimals, never an exponent. */
export function timeJson(timeUs: number): string {
  const us = timeUs % 1000
  if (us === 0 || timeUs < 0) return String(timeUs / 1000)
  const decimals = String(1000 + us).slice(1)
  return `${(timeUs - us) / 1000}.${decimals}`
}

/** Big integers come back as the text they were sent as, units not at all. */
export function parseReading(json: string, seq: number): AcceptedReading {
  const parsed = JSON.parse(json) as {
    device: string
    topic: string
    time: number
    received: number
    values: Record<string, Exclude<Value, bigint>>
    tags: Tags
  }
  const fields: Field[] = []
  for (const name of Object.keys(parsed.values)) fields.push({ name, value: parsed.values[name]! })
  return {
    seq,
    device: parsed.device,
    topic: parsed.topic,
    tags: parsed.tags,
    fields,
    timeUs: Math.round(parsed.time * 1000),
    receivedUs: Math.round(parsed.received * 1000),
  }
}

function valueJson(value: Value): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'string':
      return text(value)
    case 'bigint':
      return `"${value}"`
    case 'boolean':
      return value ? 'true' : 'false'
  }
}

function tagsJson(tags: Tags): string {
  let json = ''
  for (const name of Object.keys(tags)) {
    json += `${json === '' ? '{' : ','}${text(name)}:${text(tags[name]!)}`
  }
  return json === '' ? '{}' : `${json}}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what JSON must escape
const NEEDS_ESCAPES = /[\u0000-\u001f"\\\ud800-\udfff]/

function text(value: string): string {
  return NEEDS_ESCAPES.test(value) ? JSON.stringify(value) : `"${value}"`
}
