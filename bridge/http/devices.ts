import { setImmediate } from 'node:timers/promises'
import { type Context, Hono } from 'hono'
import type { Catalog } from '../catalog/catalog.ts'
import type { DeviceView, HiddenDevice } from '../catalog/device.ts'
import type { ForgetDevice } from '../forget-device.ts'
import type { Gated } from './access.ts'
import { problem } from './problem.ts'

/** Fields told between two turns of the event loop: some 5 ms. */
const FIELDS_PER_TURN = 2_000

/**
 * - `GET /devices` -> `{devices: [...], complete}`: false while the store has not told of all devices of before.
 * - `GET /devices?hidden=true` -> the same of those that take a place and are not among them: `HiddenDevice`.
 * - `GET /devices/:id`, by its id or by what it is called now.
 * - `DELETE /devices/:id`, by its id alone, also of a hidden one -> `{id, retainedLeft}`: it is forgotten, but for retained messages on those
 *   topics.
 */
export function deviceRoutes(
  catalog: Pick<Catalog, 'devices' | 'hiddenDevices' | 'device' | 'isComplete'>,
  forgetDevice: ForgetDevice,
): Hono<Gated> {
  const routes = new Hono<Gated>()
  routes.get('/devices', c => {
    const devices = c.req.query('hidden') === 'true' ? catalog.hiddenDevices() : catalog.devices()
    return c.body(ReadableStream.from(listed(devices, catalog.isComplete)), 200, {
      'content-type': 'application/json',
    })
  })
  routes.get('/devices/:id', c => {
    const device = catalog.device(c.req.param('id'))
    return device === null ? unknown(c, c.req.param('id')) : c.json(device)
  })
  routes.delete('/devices/:id', async c => {
    const forgotten = await forgetDevice(c.req.param('id'))
    return forgotten === null ? unknown(c, c.req.param('id')) : c.json(forgotten)
  })
  return routes
}

function unknown(c: Context, name: string): Response {
  return problem(c, 404, 'unknown-device', `there is no device ${name}`)
}

/** The JSON in pieces: a hundred megabytes in one would keep every device waiting. */
async function* listed(
  devices: Iterable<DeviceView | HiddenDevice>,
  complete: boolean,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let text = '{"devices":['
  let fields = 0
  let isFirst = true
  for (const device of devices) {
    text += (isFirst ? '' : ',') + JSON.stringify(device)
    isFirst = false
    fields += 1 + ('fields' in device ? Object.keys(device.fields).length : 0)
    if (fields < FIELDS_PER_TURN) continue
    yield encoder.encode(text)
    text = ''
    fields = 0
    await setImmediate()
  }
  yield encoder.encode(`${text}],"complete":${complete}}`)
}
