/** Which environment variable sets which key. The names with a history of their own stand in SHORT_NAMES. */

import { z } from 'zod'
import { settingsSchema } from './schema.ts'

const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  'mqtt.port': ['TRESTLE_MQTT_PORT'],
  'mqtt.url': ['MQTT_URL'],
  'mqtt.username': ['MQTT_USERNAME'],
  'mqtt.password': ['MQTT_PASSWORD'],
  'mqtts.port': ['TRESTLE_MQTTS_PORT'],
  'http.port': ['TRESTLE_HTTP_PORT'],
  'tls.cert': ['TRESTLE_TLS_CERT'],
  'tls.key': ['TRESTLE_TLS_KEY'],
  'influx.url': ['INFLUX_URL', 'INFLUXDB_URL'],
  'influx.database': ['INFLUX_DATABASE', 'INFLUXDB_DATABASE'],
  'influx.username': ['INFLUX_USERNAME', 'INFLUXDB_USERNAME'],
  'influx.password': ['INFLUX_PASSWORD', 'INFLUXDB_PASSWORD'],
  'influx.token': ['INFLUX_TOKEN', 'INFLUXDB_TOKEN'],
  'influx.org': ['INFLUX_ORG', 'INFLUXDB_ORG'],
  'influx.bucket': ['INFLUX_BUCKET', 'INFLUXDB_BUCKET'],
}

export interface Variable {
  /** Dotted path of the key. */
  readonly path: string
  /** Names in order of precedence: the first that is set counts. */
  readonly names: readonly string[]
}

/** Every key that one variable can set: all but lists. */
export const VARIABLES: readonly Variable[] = leafPaths(settingsSchema, []).map(path => ({
  path: path.join('.'),
  names: [...(SHORT_NAMES[path.join('.')] ?? []), longName(path)],
}))

/** `spool.maxBytes` is `TRESTLE_SPOOL__MAX_BYTES`. */
function longName(path: readonly string[]): string {
  return `TRESTLE_${path.map(part => part.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()).join('__')}`
}

function leafPaths(schema: z.ZodType, path: readonly string[]): (readonly string[])[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray) return []
  if (!(inner instanceof z.ZodObject)) return [path]
  return Object.entries(inner.shape).flatMap(([key, child]) => leafPaths(child as z.ZodType, [...path, key]))
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  return schema
}
