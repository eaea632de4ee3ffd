/** The gateway as a Hono app: protocols that exist, over a cluster. @module */
import { Hono } from 'hono'
import type { Context } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { once } from '../../src/runtime/once.ts'
import { harmless } from '../../src/runtime/listener.ts'
import { LifeClock } from '../../adapters/sharing/tail/life-clock.ts'
import { principalOf } from './access.ts'
import type { Principal } from './access.ts'
import { aroundEach } from './around-each.ts'
import type { AccessEntry } from './around-each.ts'
import { AuditedCluster, senderOf } from './audit.ts'
import type { AuditEntry, AuditKey } from './audit.ts'
import { authentication } from './auth.ts'
import { AuthorizedCluster } from './authorized-cluster.ts'
import { GatewayCounters } from './counters.ts'
import { browserGuard, corsFor } from './browsers.ts'
import type { Cluster } from './cluster.ts'
import { Credentials, isOpen } from './credentials.ts'
import type { AuthOptions } from './credentials.ts'
import { confluentConsumers } from './protocols/confluent/consumers.ts'
import { confluentV2 } from './protocols/confluent/v2.ts'
import { confluentV3Produce } from './protocols/confluent/v3-produce.ts'
import { confluentV3 } from './protocols/confluent/v3.ts'
import { drained } from './graceful-drain.ts'
import { hostCheck } from './host-check.ts'
import { limitsOf } from './limits.ts'
import type { GatewayLimits } from './limits.ts'
import type { LivePage } from './live-page.ts'
import type { PartitionReader } from './partition-reader.ts'
import { plainReads } from './protocols/plain-read.ts'
import type { Answering } from './protocols/plain-read.ts'
import { redpanda } from './protocols/redpanda.ts'
import { sharedProofs } from './protocols/shared-proofs.ts'
import { boundsOf } from './service.ts'
import type { Service } from './service.ts'
import { openApiDocument } from './openapi/document.ts'
import { upstash } from './protocols/upstash.ts'

export interface GatewayOptions {
  readonly cluster: Cluster
  /** @default every client may read and write */
  readonly auth?: AuthOptions
  readonly limits?: GatewayLimits
  /**
   * Origins whose web pages may ask the gateway, such as `https://app.example` (CORS). Pages of all others are refused
   * with 403. @default none
   */
  readonly corsOrigins?: readonly string[]
  /** Whether the gateway speaks Upstash's protocol, whose service ended in March 2025. @default false */
  readonly upstash?: boolean
  /**
   * Told the `Host` of each request; where it returns `false` the gateway answers 421. `startGateway` sets it on a
   * loopback address without credentials. @default every host
   */
  readonly allowsHost?: (host: string | undefined) => boolean
  /** Clocks and timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
  /** Aborted when the process is going to stop: `/readyz` answers 503, and all else goes on. */
  readonly draining?: AbortSignal
  /**
   * Why the cluster serves no client, while that is so: `/readyz` answers 503 with it, to everybody. Must not throw.
   * @default the gateway does not tell
   */
  readonly problem?: () => string | undefined
  /**
   * Aborted when the process stops: the gateway answers waiting polls with the records there are, refuses new
   * polls, and answers 503 to `/readyz`. Everything else goes on.
   */
  readonly stopping?: AbortSignal
  /**
   * Called after each write, each change of a topic, each of them that was refused, and each wrong credential.
   */
  readonly onAudit?: (entry: AuditEntry) => void
  /** Makes a keyed hash of each record's key for the audit. @default entries have no keys */
  readonly auditKey?: AuditKey
  /** Called after each request. */
  readonly onRequest?: (entry: AccessEntry) => void
  /** Counts what the gateway does: how `kedge gateway` serves its metrics. */
  readonly counters?: GatewayCounters
  /** Routes of a page that shows what the gateway does: how `kedge gateway` serves `/ui`. @default none */
  readonly livePage?: LivePage
  /** Called with unexpected errors of the gateway itself. The client sees none of their text. */
  readonly onError?: (error: unknown) => void
}

const PROTOCOLS = {
  redpanda: ['GET /topics/{topic}/partitions/{partition}/records'],
  'confluent-v2': [
    'GET /topics',
    'GET /topics/{topic}',
    'POST /topics/{topic}',
    'POST /topics/{topic}/partitions/{partition}',
    'GET /topics/{topic}/partitions/{partition}/offsets',
    'GET /brokers',
    'POST /consumers/{group}',
    'DELETE /consumers/{group}/instances/{instance}',
    'GET|POST|DELETE /consumers/{group}/instances/{instance}/subscription',
    'GET|POST /consumers/{group}/instances/{instance}/assignments',
    'GET|POST /consumers/{group}/instances/{instance}/offsets',
    'POST /consumers/{group}/instances/{instance}/positions[/beginning|/end]',
    'GET /consumers/{group}/instances/{instance}/records',
  ],
  'confluent-v3': [
    'GET /v3/clusters',
    'GET /v3/clusters/{cluster}/topics',
    'POST /v3/clusters/{cluster}/topics/{topic}/records',
    'POST /v3/clusters/{cluster}/topics/{topic}/records:batch',
  ],
}
const SHARED_PROOFS = [
  'GET /tail/{topic}/{partition}',
  'GET /tail/{topic}/{partition}/records',
  'GET /tail/{topic}/{partition}/ws',
]
const UPSTASH = ['POST /produce', 'POST /fetch', 'POST /offsets/{earliest|latest|timestamp}', 'GET /topics']

/**
 * Kafka over HTTP, in the protocols of Redpanda's HTTP Proxy and Confluent's REST Proxy (v2 and v3); with `upstash` also in
 * Upstash's. No GET writes, and what writes has the protocol's content type.
 *
 * @throws TypeError for options that are wrong or unknown.
 * @example
 * ```ts
 * import { createGateway, memoryCluster } from 'kedge/gateway'
 * import { MemoryLog } from 'kedge/testing'
 *
 * const app = createGateway({ cluster: memoryCluster(new MemoryLog()) })
 * const response = await app.request('/healthz')
 * ```
 */
export function createGateway(options: GatewayOptions): Hono {
  return gatewayOf(options).app
}

/** The app, and what answers plain reads before it where requests come from a server of Node. */
export function gatewayOf(options: GatewayOptions): { readonly app: Hono; readonly plain: Answering } {
  const { onRequest, onAudit, onError, ...given } = options
  const tell = {
    error: harmless(onError),
    audit: onAudit && harmless(onAudit),
    request: onRequest && harmless(onRequest),
  }
  const {
    cluster,
    auth,
    limits: asked,
    corsOrigins = [],
    upstash: speaksUpstash = false,
    allowsHost,
    runtime = systemRuntime(),
    stopping = new AbortController().signal,
    draining = stopping,
    problem,
    auditKey,
    counters = new GatewayCounters(),
    livePage,
    ...rest
  } = given
  for (const name of Object.keys(rest)) throw new TypeError(`\`${name}\` is not an option of the gateway`)
  const limits = limitsOf(asked)
  const credentials = new Credentials(auth ?? {}, runtime)
  const reader = drained(cluster, stopping)
  const readerOf = authorizing(reader)
  const viewOf = tell.audit
    ? auditing(reader, tell.audit, auditKey)
    : (c: Context) => readerOf(principalOf(c))
  const service: Service = {
    ...boundsOf(limits, counters),
    clock: new LifeClock(runtime, () => undefined),
    counters,
    clusterId: cluster.id,
    clusterOf: viewOf,
    limits,
    runtime,
    stopping,
    open: isOpen(auth),
    cors: corsOrigins.length > 0,
    onError: tell.error,
  }

  const app = new Hono()
  app.use(aroundEach(service, tell.request))
  if (allowsHost) app.use(hostCheck(allowsHost))
  health(app, () => draining.aborted || stopping.aborted, problem)
  // A browser may come to it from anywhere: it tells nothing.
  livePage?.open(app)
  if (corsOrigins.length > 0) app.use(corsFor(corsOrigins))
  app.use(browserGuard(corsOrigins))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) =>
        c.json({ error_code: 405, message: 'HTTP 405 Method Not Allowed' }, 405, {
          allow: methods.join(', '),
        }),
    }),
  )
  app.use(authentication(credentials, counters, tell.audit))
  describe(app, cluster.id, speaksUpstash)
  livePage?.closed(app, reader, stopping)
  speak(app, service, speaksUpstash)
  app.route('/', sharedProofs(service, reader))
  refuseRest(app, tell.error)
  return { app, plain: plainReads({ service, credentials, readerOf, allowsHost, onRequest: tell.request }) }
}

/** Adds what says which cluster this is, and what the gateway speaks. */
function describe(app: Hono, cluster: string, speaksUpstash: boolean): void {
  app.get('/', (c) =>
    c.json({
      name: 'kedge gateway',
      cluster,
      protocols: { ...PROTOCOLS, kedge: SHARED_PROOFS, ...(speaksUpstash && { upstash: UPSTASH }) },
    }),
  )
  const document = once(() => JSON.stringify(openApiDocument({ cluster, upstash: speaksUpstash })))
  app.get('/openapi.json', (c) => c.body(document(), 200, { 'content-type': 'application/json' }))
}

/** Answers what no route has, and what has failed. */
function refuseRest(app: Hono, onError: Service['onError']): void {
  app.notFound((c) => c.json({ error_code: 404, message: 'HTTP 404 Not Found' }, 404))
  app.onError((error, c) => {
    onError(error)
    return c.json({ error_code: 500, message: 'Internal Server Error' }, 500)
  })
}

/** Adds the routes that tell whether it lives, and whether it takes requests. */
function health(app: Hono, isStopping: () => boolean, problemOf: GatewayOptions['problem']): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', (c) => {
    if (isStopping()) return c.json({ status: 'stopping' }, 503)
    const problem = problemOf?.()
    return problem === undefined ? c.json({ status: 'ready' }) : c.json({ status: 'waiting', problem }, 503)
  })
}

/** Adds the routes of the protocols. */
function speak(app: Hono, service: Service, speaksUpstash: boolean): void {
  if (speaksUpstash) app.route('/', upstash(service))
  app.route('/', redpanda(service))
  app.route('/', confluentV2(service))
  app.route('/', confluentConsumers(service))
  for (const base of ['/v3', '/kafka/v3']) {
    app.route(base, confluentV3Produce(service))
    app.route(base, confluentV3(service))
  }
}

/** The cluster as a principal may use it: one for each. */
function authorizing(
  cluster: Cluster & Required<PartitionReader>,
): (principal: Principal) => AuthorizedCluster {
  const views = new WeakMap<Principal, AuthorizedCluster>()
  return (principal) => {
    const view = views.get(principal) ?? new AuthorizedCluster(cluster, principal)
    views.set(principal, view)
    return view
  }
}

/** The cluster as the sender of a request may use it, with an audit of what it changes. */
function auditing(
  cluster: Cluster & Required<PartitionReader>,
  onAudit: NonNullable<GatewayOptions['onAudit']>,
  auditKey: AuditKey | undefined,
): Service['clusterOf'] {
  return (c) => {
    const principal = principalOf(c)
    // Not the request itself: a poll may wait long with its cluster.
    const sender = senderOf(c, principal)
    return new AuditedCluster(cluster, principal, (act) => onAudit({ ...act, ...sender }), auditKey)
  }
}
