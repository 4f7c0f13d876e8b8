/** For the image's health check: 0 when the bridge answers on its HTTP port, whichever protocol it speaks there. */

import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'

const { TRESTLE_HTTP_PORT: port = '8080' } = process.env
const address = { host: '127.0.0.1', port, path: '/healthz', timeout: 3000 }

// With TLS it sends whoever comes without to https. Its certificate need not be for this name.
ask(getPlain, address, status =>
  status === 308 ? ask(getSecure, { ...address, rejectUnauthorized: false }, end) : end(status),
)

function ask(get, options, then) {
  get(options, response => then(response.statusCode))
    .on('timeout', () => process.exit(1))
    .on('error', () => process.exit(1))
}

function end(status) {
  process.exit(status === 200 ? 0 : 1)
}
