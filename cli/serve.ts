/** `kedge serve`: serves a cache over HTTP, as a process beside its clients. @module */
import type { Command } from 'commander'
import { onAbort } from '../src/runtime/abort.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { Cache } from '../src/api/cache-types.ts'
import { isLoopback, namesLoopback } from '../services/gateway/loopback.ts'
import { TlsFiles } from '../services/gateway/tls-files.ts'
import { createApp } from '../worker/app.ts'
import type { AuditOptions } from '../worker/audit-options.ts'
import { bearerAuth, openToAll } from '../worker/auth.ts'
import type { Authorizer } from '../worker/auth.ts'
import { serve } from '../worker/node.ts'
import type { ServedApp } from '../worker/node.ts'
import { httpOrigin } from '../worker/origin.ts'
import type { OriginOptions } from '../worker/origin.ts'
import { partsOfCache } from '../src/write/cache-parts.ts'
import { encodeUtf8 } from '../src/wire/codec.ts'
import { auditOf } from './audit-trail.ts'
import type { Append, KeyedTrail } from './audit-trail.ts'
import { command } from './command.ts'
import type { Done } from './command.ts'
import { asUsage, EXIT, sentence, UsageError } from './failure.ts'
import { startHealth } from './health.ts'
import type { Health } from './health.ts'
import { loggedApp } from './request-lines.ts'
import { sayEnded, sayHealth, sayListening, sayNotReached } from './serve-reports.ts'
import { unexpected } from './unexpected.ts'
import { ProcessMetrics } from './metrics/process-metrics.ts'
import { timedApp } from './metrics/request-timer.ts'
import type { RequestTimer } from './metrics/request-timer.ts'
import { serveMetrics } from './metrics/serve-metrics.ts'
import { watched } from './origin-watch.ts'
import type { WatchedOrigin } from './origin-watch.ts'
import { logOf } from './proxy.ts'
import { cacheMaker, partitionsOf } from './served-cache.ts'
import type { Session } from './session.ts'
import { serveAudit } from './settings/audit.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import * as own from './settings/serve.ts'
import { serveTls } from './settings/tls.ts'
import { evictionPartitions, evictionsTopic, updatePartitions, updatesTopic } from './settings/topics.ts'
import { webUrl } from './web-url.ts'
import { onPort } from './taken-port.ts'
import { Startup } from './startup.ts'
import { asTlsUsage, tlsListener } from './tls-listener.ts'
import { pageOptionsOf } from './ui/page-options.ts'
import { addServePage } from './ui/serve-page.ts'
import { transportOf } from './transport.ts'
import type { Transport } from './transport.ts'
import { resolveSettings } from './resolved-settings.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

const TOPICS = [evictionsTopic, updatesTopic, evictionPartitions, updatePartitions]
const SETTINGS = [...PROXY_SETTINGS, ...TOPICS, ...own.SERVE_SETTINGS, ...LOG_SETTINGS]

/** A namespace for a cache without `--namespaces`, so that it follows the log before the first request. */
const FIRST_NAMESPACE = 'kedge.serve'

export function serveCommand(session: Session, done: Done): Command {
  return command('serve', 'Serves a cache over HTTP, as a process beside its clients.', SETTINGS).action(
    async (_options: unknown, from: Command) => {
      await sidecar(await resolveSettings(from, SETTINGS, session), session)
      done(EXIT.ok)
    },
  )
}

/** Serves until the process gets a signal to end. */
async function sidecar(values: ResolvedSettings, session: Session): Promise<void> {
  const auth = authOf(values, session)
  const transport = await transportOf(values.get(own.transport), session)
  try {
    const log = await logOf(values, session, { transport: transport.fetch })
    await serving(values, auth, transport, log, session)
  } finally {
    await transport.close()
  }
}

async function serving(
  values: ResolvedSettings,
  auth: Authorizer,
  transport: Transport,
  log: KafkaLog,
  session: Session,
): Promise<void> {
  const { terminal, stop } = session
  const warn = unexpected('kedge serve', terminal)
  let cache: Cache | undefined
  let trail: KeyedTrail | undefined
  try {
    const append: Append = async (topic, lines, signal) =>
      void (await log.produce(topic, lines.map(recordOf), { signal }))
    trail = await auditOf({ name: 'kedge serve', settings: serveAudit, append }, values, session)
    const audit = trail && auditOptions(trail, values)
    const served = appOf(values, transport, session)
    const app = (of: Cache) =>
      made(() => createApp({ cache: of, auth, onError: warn, ...(audit && { audit }), ...served }))
    const make = cacheMaker(values, log, session)
    // Wrong options end the process at once, not when the log is there: making a cache asks nothing of it.
    app(made(() => make(1, undefined)))
    const address = values.get(own.host)
    const tls = tlsListener(values, serveTls, session.folder)
    if (tls) await usable(TlsFiles.read(tls, warn))
    const startup = new Startup('kedge serve', session)
    const place = values.get(own.listen)
    const metrics = place === undefined ? undefined : await ProcessMetrics.of('serve', session)
    const health = place === undefined ? undefined : await startHealth(place, startup)
    try {
      if (health) sayHealth(terminal, health.url)
      const counts = await partitionsOf(values, log, session, startup)
      if (counts === undefined) return sayNotReached(terminal)
      cache = made(() => make(counts.evictions, counts.updates))
      // A cache without a namespace follows nothing, and would not be ready before the first request names one.
      if (values.get(own.namespaces) === undefined) cache.namespace(FIRST_NAMESPACE)
      const timer = metrics && serveMetrics(metrics, cache, log, served.origin)
      if (metrics) startup.serves(healthOf(cache, metrics, served.origin))
      const shown = app(cache)
      const page = addServePage(shown, { ...pageOptionsOf(session, 'kedge serve'), cache, auth, audit })
      const listens = {
        app: observed(shown, timer, values, session),
        cache,
        host: address,
        port: values.get(own.port),
        drain: values.get(own.drain),
        grace: values.get(own.grace),
        onError: warn,
        ...(tls && { tls }),
        ...(values.get(own.open) &&
          isLoopback(address) && { allowsHost: (named?: string) => namesLoopback(named, address) }),
      }
      const instead = (port: number) => `--port ${port}`
      const there = { port: listens.port, whose: 'another kedge serve', instead }
      const server = await usable(onPort(there, () => serve(listens)))
      sayListening(terminal, server.url, transport.name, values.get(own.open))
      await Promise.all([served.origin?.probe(), new Promise((resolve) => onAbort(stop, resolve))])
      page.close()
      await server.close()
    } finally {
      await health?.close()
    }
    sayEnded(terminal, cache.stats())
  } finally {
    // Its topic is on the log.
    await trail?.close()
    await (cache ? cache.close() : log.close?.())?.catch(() => undefined)
  }
}

/** The app, timed and with a line for each request where that is asked for. */
function observed(
  app: ReturnType<typeof createApp>,
  timer: RequestTimer | undefined,
  values: ResolvedSettings,
  { terminal, runtime }: Session,
): ServedApp {
  const timed = timer ? timedApp(app, timer) : app
  return values.get(own.accessLog) ? loggedApp(app, timed, terminal, runtime) : timed
}

/** The server waits for entries on their way before it closes the log. */
const auditOptions = (trail: KeyedTrail, values: ResolvedSettings): AuditOptions => ({
  tell: (entry, context) => context.waitUntil(trail.tell(entry)),
  topics: { evictions: values.get(evictionsTopic), updates: values.get(updatesTopic) },
  keysHash: trail.keysSecret,
})

const recordOf = (line: string) => ({ key: null, value: encodeUtf8(line) })

function authOf(values: ResolvedSettings, { terminal }: Session): Authorizer {
  const [read, write, evict] = [own.readTokens, own.writeTokens, own.evictTokens].map((of) => values.get(of))
  const all = [read, write, evict].flatMap((tokens) => tokens ?? [])
  for (const token of all) terminal.hide(token)
  if (values.get(own.open)) {
    if (all.length > 0)
      throw new UsageError('--open lets every client do everything: leave it out, or the tokens')
    return openToAll
  }
  if (all.length === 0) {
    throw new UsageError(
      'no access is configured: set KEDGE_SERVE_READ_TOKENS, KEDGE_SERVE_WRITE_TOKENS or KEDGE_SERVE_EVICT_TOKENS, or pass --open',
    )
  }
  return made(() => bearerAuth({ read: read ?? [], write: write ?? [], evict: evict ?? [] }))
}

function appOf(values: ResolvedSettings, { fetch }: Transport, session: Session) {
  const [url, token, namespaces] = [
    webUrl(values, own.origin, { instead: 'set KEDGE_SERVE_ORIGIN_TOKEN' }),
    values.get(own.originToken),
    values.get(own.namespaces),
  ]
  if (url === undefined && token !== undefined)
    throw new UsageError('KEDGE_SERVE_ORIGIN_TOKEN needs --origin')
  if (url !== undefined && namespaces === undefined)
    throw new UsageError(
      '--origin needs --namespaces: without it clients could read every path of the origin',
    )
  const origin =
    url === undefined
      ? undefined
      : made(() => {
          const options = { url, fetch, ...originOf(values), ...(token !== undefined && { token }) }
          return watched(httpOrigin(options), { url, fetch }, session)
        })
  return {
    maxBodyBytes: values.get(own.maxBodyBytes),
    ...(values.get(own.bulk) === 'off' && { bulk: false as const }),
    ...(namespaces && { namespaces }),
    ...(origin && { origin }),
  }
}

function originOf(values: ResolvedSettings): Omit<OriginOptions, 'url'> {
  const format = values.get(own.originFormat)
  const [tagsHeader, tags, cacheControl] = [
    values.get(own.originTagsHeader),
    values.get(own.originTags),
    values.get(own.originCacheControl),
  ]
  if (format === 'envelope' && (tagsHeader ?? tags ?? cacheControl) !== undefined)
    throw new UsageError(
      '--origin-tags-header, --origin-tags and --origin-cache-control need --origin-format plain',
    )
  return {
    format,
    maxTtl: values.get(own.originMaxTtl),
    ...(tagsHeader !== undefined && { tagsHeader }),
    ...(tags !== undefined && { tags }),
    ...(cacheControl !== undefined && { cacheControl }),
  }
}

/** The same for what takes its time. */
const usable = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw asTlsUsage(error)
  })

/** @throws UsageError for options that the cache or the app refuses. */
function made<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw asUsage(error)
  }
}

const healthOf = (
  cache: Cache,
  metrics: ProcessMetrics,
  origin: WatchedOrigin | undefined,
): Required<Health> => ({
  problem: () => problemOf(cache),
  lag: async () => {
    const { proved, ageMs, lag } = cache.freshness()
    const outage = origin?.outage() ?? null
    const age = Number.isFinite(ageMs) ? Math.round(ageMs) : null
    const partitions = placesOf(cache)
    return {
      proved,
      ageMs: age,
      lag,
      partitions,
      ...(origin && { originOutage: outage }),
      stats: cache.stats(),
    }
  },
  metrics: () => metrics.text(),
})

/** How far it has read each partition of the evictions topic. */
const placesOf = (cache: Cache) =>
  [...partsOfCache(cache).context.follower.partitions.values()]
    .filter(({ hasPosition }) => hasPosition)
    .map(({ id, position, tail }) => ({ partition: id, position, end: tail }))

function problemOf(cache: Cache): string | undefined {
  const { proved, error } = cache.freshness()
  if (proved) return undefined
  return error === undefined ? 'freshness is not proved' : sentence(error)
}
