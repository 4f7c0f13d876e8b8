/** The HTTP side: what the design names, in one table of routes. Errors are problem+json with a stable code. */

import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { Catalog } from '../catalog/catalog.ts'
import type { Ledger } from '../ledger.ts'
import type { liveRoutes } from '../live/routes.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { checkOrigin, type OriginPolicy } from './origin.ts'
import { type AuthorityFile, authorityRoute } from '../tls/authority-file.ts'
import { problem } from './problem.ts'

export interface AppOptions {
  readonly catalog: Catalog
  readonly metrics: Metrics
  readonly ledger: () => Ledger
  readonly readiness: () => Readiness
  /** Routes of the parts that bring their own: history, explain, live, quarantine. */
  readonly api: readonly Hono[]
  readonly live: ReturnType<typeof liveRoutes>
  /** Folder of the built page. */
  readonly pageDir: string
  /** For phones and browsers to trust. */
  readonly authority: AuthorityFile
  readonly origin: OriginPolicy
  readonly log: Logger
}

export interface Readiness {
  /** False: devices are not acknowledged here; a balancer should send them elsewhere. */
  readonly ready: boolean
  /** Why not; null when ready. */
  readonly reason: string | null
  /** Port of the embedded broker, for those who tell people where to publish; null: there is none. */
  readonly mqtt: number | null
  /** A store that is away leaves the bridge ready: readings wait on disk. */
  readonly store: {
    readonly ok: boolean
    /** `away` passes by itself, `misconfigured` needs a person. */
    readonly kind: 'away' | 'misconfigured' | null
    readonly reason: string | null
    readonly since: number | null
  }
}

export function createApp({
  catalog,
  metrics,
  ledger,
  readiness,
  api,
  live,
  pageDir,
  authority,
  origin,
  log,
}: AppOptions): Hono {
  const app = new Hono()
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
      // Only https makes sense of it, and it would pin a browser to a name that is served without.
      strictTransportSecurity: false,
      xFrameOptions: 'DENY',
    }),
  )
  app.use(checkOrigin(origin))
  app.onError((error, c) => {
    log.error({ err: error, path: c.req.path }, 'http: a request failed')
    return problem(c, 500, 'internal', 'something went wrong here; the log has more')
  })

  app.get('/healthz', c => c.json({ ok: true }))
  app.get('/readyz', c => {
    const state = readiness()
    return c.json(state, state.ready ? 200 : 503)
  })
  app.get('/metrics', async c => c.text(await metrics.text(), 200, { 'content-type': metrics.contentType }))

  app.route('/', authorityRoute(authority))

  app.get('/api/ledger', c => c.json(ledger()))
  app.get('/api/devices', c => c.json({ devices: catalog.devices() }))
  app.get('/api/devices/:id', c => {
    const device = catalog.device(c.req.param('id'))
    return device === null
      ? problem(c, 404, 'unknown-device', `there is no device ${c.req.param('id')}`)
      : c.json(device)
  })
  for (const routes of api) app.route('/api', routes)
  app.route('/', live)
  app.all('/api/*', c => problem(c, 404, 'not-found', `there is no ${c.req.method} ${c.req.path}`))

  app.get('/assets/*', async (c, next) => {
    await next()
    // Their names change with their content.
    if (c.res.ok) c.header('cache-control', 'public, max-age=31536000, immutable')
  })
  app.get('*', serveStatic({ root: pageDir }))
  app.notFound(c => problem(c, 404, 'not-found', `there is no ${c.req.method} ${c.req.path}`))
  return app
}
