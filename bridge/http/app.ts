/** The HTTP side: what the design names, in one table of routes. Errors are problem+json with a stable code. */

import { serveStatic } from '@hono/node-server/serve-static'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { Catalog } from '../catalog/catalog.ts'
import type { ForgetDevice } from '../forget-device.ts'
import type { Ledger } from '../ledger.ts'
import { type Authenticate, may } from '../live/access.ts'
import type { liveRoutes } from '../live/routes.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type AuthorityFile, authorityRoute } from '../tls/authority-file.ts'
import { checkAccess, type Gated, principalOfRequest } from './access.ts'
import { jsonOnly } from './body.ts'
import { deviceRoutes } from './devices.ts'
import { answerInvited, checkOrigin, type OriginPolicy } from './origin.ts'
import { problem } from './problem.ts'
import { type SessionRoutesOptions, sessionRoutes } from './session.ts'

export interface AppOptions extends SessionRoutesOptions {
  readonly catalog: Catalog
  readonly forgetDevice: ForgetDevice
  readonly metrics: Metrics
  readonly ledger: () => Ledger
  readonly readiness: () => Readiness
  /** Routes of the parts that bring their own: history, explain, live, quarantine. */
  readonly api: readonly Hono<Gated>[]
  readonly live: ReturnType<typeof liveRoutes>
  /** Folder of the built page. */
  readonly pageDir: string
  /** For phones and browsers to trust. */
  readonly authority: AuthorityFile
  readonly origin: OriginPolicy
  readonly stats: HttpStats
  readonly log: Logger
}

/** What was refused, for `/metrics`. */
export interface HttpStats {
  /** Requests answered by a problem, by its code. */
  readonly problems: Record<string, number>
  /** Connections turned away because there were too many. */
  connectionsRefused: number
}

export interface Readiness {
  /** False: devices are not acknowledged here; a balancer should send them elsewhere. */
  readonly ready: boolean
  /** Why not; null when ready. */
  readonly reason: string | null
  /** Port of the embedded broker, for those who tell people where to publish; null: there is none. */
  readonly mqtt: number | null
  /** The same over TLS; null: there is no certificate. */
  readonly mqtts: number | null
  /** Whether devices have to show who they are. */
  readonly needsCredentials: boolean
  /** Whether devices have to be given our authority's certificate, which is at `/ca.crt`. */
  readonly hasAuthority: boolean
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
  forgetDevice,
  metrics,
  ledger,
  readiness,
  api,
  live,
  identities,
  addressOf,
  pageDir,
  authority,
  origin,
  stats,
  log,
}: AppOptions): Hono<Gated> {
  const app = new Hono<Gated>()
  app.use(async (c, next) => {
    await next()
    const code = c.get('problem')
    if (code !== undefined) stats.problems[code] = (stats.problems[code] ?? 0) + 1
    // What was written past the app comes back as a copy, with headers added, and must not be sent once more.
    if (!c.env.outgoing.headersSent) return
    c.res = undefined
    c.res = RESPONSE_ALREADY_SENT
  })
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
      // What the page asks a phone for, and no more.
      permissionsPolicy: {
        accelerometer: ['self'],
        gyroscope: ['self'],
        magnetometer: ['self'],
        geolocation: ['self'],
        screenWakeLock: ['self'],
        camera: [],
        microphone: [],
        payment: [],
        usb: [],
      },
    }),
  )
  app.use(checkOrigin(origin), answerInvited(origin), jsonOnly)
  const authenticate: Authenticate = credentials => identities.principalOf(credentials)
  app.use(checkAccess(authenticate))
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return problem(c, 400, 'client-left', 'the client hung up')
    log.error({ err: error, path: c.req.path }, 'http: a request failed')
    return problem(c, 500, 'internal', 'something went wrong here; the log has more')
  })

  app.get('/healthz', c => c.json({ ok: true }))
  app.get('/readyz', async c => {
    const state = readiness()
    const principal = await principalOfRequest(c, authenticate)
    const isKnown = principal !== null && may(principal, 'watch')
    return c.json(isKnown ? state : withoutDetails(state), state.ready ? 200 : 503)
  })
  app.get('/metrics', async c => c.text(await metrics.text(), 200, { 'content-type': metrics.contentType }))

  app.route('/', authorityRoute(authority))

  app.get('/api/ledger', c => c.json(ledger()))
  app.route('/api', deviceRoutes(catalog, forgetDevice))
  app.route('/api', sessionRoutes({ identities, addressOf }))
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

/** For strangers, such as a balancer: what is so, not why or where. */
function withoutDetails({ ready, store }: Readiness): object {
  const { ok, kind, since } = store
  return { ready, reason: ready ? null : 'not-taking-messages', store: { ok, kind, since } }
}
