/** For the image's health check: 0 when the bridge answers on its HTTP port, whichever protocol it speaks there. */

import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'

const { TRESTLE_HTTP_PORT = '8080', TRESTLE_TLS_CERT = '' } = process.env
const TIMEOUT_MS = 3000

// Its own certificate need not be for this name.
const request =
  TRESTLE_TLS_CERT === ''
    ? getPlain({ host: '127.0.0.1', port: TRESTLE_HTTP_PORT, path: '/healthz', timeout: TIMEOUT_MS })
    : getSecure({
        host: '127.0.0.1',
        port: TRESTLE_HTTP_PORT,
        path: '/healthz',
        timeout: TIMEOUT_MS,
        rejectUnauthorized: false,
      })
request.on('response', response => process.exit(response.statusCode === 200 ? 0 : 1))
request.on('timeout', () => process.exit(1))
request.on('error', () => process.exit(1))
