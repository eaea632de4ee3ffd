/**
 * `kedge/node`: an app with its cache as a server of Node, for as long as the process lives.
 *
 * @module
 */
import { setTimeout as wait } from 'node:timers/promises'
import { durationMs } from '../src/runtime/duration.ts'
import { Listener } from '../services/gateway/listener.ts'
import type { TlsOptions } from '../services/gateway/tls-files.ts'
import type { Cache } from '../src/api/cache-types.ts'
import type { Duration } from '../src/runtime/duration.ts'
import { harmless } from '../src/runtime/listener.ts'
import { Background } from './node/background.ts'
import type { BackgroundContext } from './node/background.ts'
import { Problem } from './problem.ts'

/** An app of Hono, or anything that answers requests as one does. */
export interface ServedApp {
  fetch(request: Request, env: unknown, context: BackgroundContext): Response | Promise<Response>
}

export interface ServeOptions {
  /** `createApp({ cache, … })`, or an app of your own with `kedge(cache)`. */
  readonly app: ServedApp
  /** Its cache. The server follows the log for it, and closes it, and thereby its log and tier. */
  readonly cache: Cache
  /** @default '127.0.0.1' */
  readonly host?: string
  /**
   * Told the `Host` of each request; where it returns `false` the server answers 421. A server that asks for no
   * credentials needs it also on a loopback address: a web page whose name leads to 127.0.0.1 sends its own name.
   * @default every host
   */
  readonly allowsHost?: (host: string | undefined) => boolean
  /** 0 takes a free one. @default 8080 */
  readonly port?: number
  /** Serves TLS; with `clientCa` to clients with a certificate alone. @default without TLS */
  readonly tls?: TlsOptions
  /** Connections beyond this are refused. @default 10_000 */
  readonly maxConnections?: number
  /**
   * How long `/readyz` is answered with 503 before the server stops to listen: as long as the balancer before it needs to
   * notice. @default 0
   */
  readonly drain?: Duration
  /** How long requests, and work that they have left behind, may take to end after that; then they are cut. @default '5s' */
  readonly grace?: Duration
  /** Told what ends the following of the log before its time. */
  readonly onError?: (error: unknown) => void
}

/** A server that listens. */
export interface RunningServer {
  /** `http://127.0.0.1:8080`, or with `https`; without a slash at its end. */
  readonly url: string
  readonly host: string
  readonly port: number
  /**
   * Stops for good: `/readyz` says so first, then nothing new is accepted, what is under way ends within the time of
   * grace, the log is not followed any more, and the cache is closed. May be called again.
   */
  readonly close: () => Promise<void>
}

const OPTIONS: ReadonlySet<string> = new Set<keyof ServeOptions>([
  'app',
  'cache',
  'host',
  'allowsHost',
  'port',
  'tls',
  'maxConnections',
  'drain',
  'grace',
  'onError',
])

/**
 * Serves an app, and follows the log by long polls where the backend has them: no request waits for a proof of freshness.
 *
 * Nothing but the server keeps the process alive: once it is closed, the process ends by itself.
 *
 * @throws TypeError for wrong options, and for `tls` files that cannot be used; the error of `listen` (`EADDRINUSE`) when it cannot listen.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { serve } from 'kedge/node'
 * import { createApp, openToAll } from 'kedge/worker'
 *
 * const cache = createCache({ kafka: gateway({ url: 'http://localhost:8082' }) })
 * const server = await serve({ app: createApp({ cache, auth: openToAll }), cache, port: 8080 })
 * process.once('SIGTERM', () => void server.close())
 * ```
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { app, cache, host, allowsHost, tls, port, maxConnections, drainMs, graceMs, onError } =
    checked(options)
  const background = new Background()
  const stop = new AbortController()
  let isDraining = false

  const listener = new Listener(
    (request, env) => {
      if (allowsHost && !allowsHost(new URL(request.url).host)) return misdirected()
      return isDraining && isReadiness(request) ? stopping() : app.fetch(request, env, background.context)
    },
    { host, maxConnections, tls, onError },
  )
  const found = await listener.open(port)
  const following = cache.follow({ signal: stop.signal }).catch(harmless(onError))

  async function end(): Promise<void> {
    isDraining = true
    if (drainMs > 0) await wait(drainMs)
    const began = performance.now()
    background.stop()
    await listener.close(graceMs)
    await background.settle(Math.max(0, graceMs - (performance.now() - began)))
    stop.abort()
    await following
    await cache.close()
  }

  let ending: Promise<void> | undefined
  return {
    url: `http${tls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${found}`,
    host,
    port: found,
    close: () => (ending ??= end()),
  }
}

const isReadiness = ({ url }: Request): boolean => new URL(url).pathname === '/readyz'

const stopping = (): Response =>
  new Problem(503, 'ERR_NOT_READY', 'The server is stopping.', {
    headers: { 'retry-after': '1' },
  }).toResponse()

const misdirected = (): Response =>
  new Problem(421, 'ERR_UNKNOWN_ROUTE', 'The server does not answer for this host.').toResponse()

interface Checked {
  readonly app: ServedApp
  readonly cache: Cache
  readonly host: string
  readonly allowsHost: ServeOptions['allowsHost']
  readonly port: number
  readonly tls: TlsOptions | undefined
  readonly maxConnections: number
  readonly drainMs: number
  readonly graceMs: number
  readonly onError: ServeOptions['onError']
}

function checked(options: ServeOptions): Checked {
  for (const name of Object.keys(options))
    if (!OPTIONS.has(name)) throw new TypeError(`\`${name}\` is not an option`)
  const {
    app,
    cache,
    host = '127.0.0.1',
    port = 8080,
    maxConnections = 10_000,
    tls,
    allowsHost,
    onError,
  } = options
  if (typeof app?.fetch !== 'function') throw new TypeError('`app` must be an app: `createApp({ … })`')
  if (typeof cache?.follow !== 'function')
    throw new TypeError('`cache` must be a cache: `createCache({ … })`')
  if (typeof host !== 'string' || host === '') throw new TypeError('`host` must be a name or an address')
  whole('port', port, 0, 65_535)
  whole('maxConnections', maxConnections, 1, Number.MAX_SAFE_INTEGER)
  const drainMs = durationMs(options.drain ?? 0, 'drain')
  const graceMs = durationMs(options.grace ?? '5s', 'grace')
  return { app, cache, host, allowsHost, tls, port, maxConnections, drainMs, graceMs, onError }
}

function whole(option: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(`\`${option}\` must be a whole number of at least ${least}`)
}
