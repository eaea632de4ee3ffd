/**
 * The deployable worker: the app, assembled from bindings at the first request of an isolate.
 *
 * @module
 */
import type { Hono } from 'hono'
import { createCache } from '../src/index.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { Cache } from '../src/api/cache-types.ts'
import { replicate } from '../src/replicate/index.ts'
import type { PrewarmResult } from '../src/replicate/index.ts'
import { signed } from '../src/signing/index.ts'
import type { SignatureEvent } from '../src/signing/index.ts'
import { sharedTier } from '../src/tier/index.ts'
import { createApp } from './app.ts'
import type { AuditOptions } from './audit-options.ts'
import { auditLines, auditTopic } from './audit-sinks.ts'
import { type AuditSettings, BindingsError, blameBindings, readBindings, type Settings } from './bindings.ts'
import type { ExecutionContext } from './execution-context.ts'
import { logOf } from './kafka-log.ts'
import { httpOrigin } from './origin.ts'
import { Problem } from './problem.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { runCron } from './scheduled.ts'
import { regionOf, type TailRegion } from './tail/regions.ts'
import { tailOf } from './tail/settings.ts'
import { tierOf } from './tier.ts'
import { harmless } from '../src/runtime/listener.ts'

export interface DeploymentOptions {
  /** Called with unexpected errors, and with bindings that the worker cannot use. */
  readonly onError?: (error: unknown) => void
  /** Called with each line of the audit, with `AUDIT = "console"`. */
  readonly onAudit?: (line: string) => void
  /** Called with what a run of the cron has prewarmed, in mode `'replicate'`. */
  readonly onPrewarm?: (result: PrewarmResult) => void
  /** Called with each record of the log that was read without a signature that counts, where messages are signed. */
  readonly onUnsigned?: (event: SignatureEvent) => void
  /**
   * What pushes metrics, by the variables of OpenTelemetry. A worker that is not to push does not ship it.
   * @throws TypeError that names a variable which is wrong
   */
  readonly metrics?: (cache: Cache, env: Readonly<Record<string, unknown>>) => RequestMetrics | undefined
}

/** The handlers that Cloudflare Workers calls. */
export interface Deployment {
  fetch(request: Request, env: unknown, context: ExecutionContext): Promise<Response>
  /** For a cron trigger: writes a heartbeat to the log, and prewarms in mode `'replicate'`. Rejects as `produce` does. */
  scheduled(event: unknown, env: unknown, context: unknown): Promise<void>
}

interface Assembly {
  readonly app: Hono
  readonly cache: Cache
  readonly log: KafkaLog
  readonly settings: Settings
}

/**
 * The handlers, with a cache of their own: one for each isolate, made of the bindings of the first request.
 *
 * With bindings that it cannot use, the worker answers every request with a problem that names the variables.
 */
export function createDeployment(options: DeploymentOptions = {}): Deployment {
  // Bindings do not change while an isolate lives; the next request repeats a failed attempt.
  let assembled: Assembly | undefined
  let region: TailRegion | undefined
  const assembly = (env: unknown): Assembly => (assembled ??= assemble(env, options, () => region))
  return {
    async fetch(request, env, context) {
      let app: Hono
      region ??= regionOf((request as { readonly cf?: unknown }).cf)
      try {
        app = assembly(env).app
      } catch (error) {
        harmless(options.onError)(error)
        return refusal(error).toResponse()
      }
      return app.fetch(request, env, context)
    },
    async scheduled(_event, env) {
      const { cache, log, settings } = assembly(env)
      const warmed = await runCron(cache, log, settings)
      if (warmed !== undefined) harmless(options.onPrewarm)(warmed)
    },
  }
}

function assemble(env: unknown, options: DeploymentOptions, region: () => TailRegion | undefined): Assembly {
  const { onError, onUnsigned } = options
  const settings = readBindings(env)
  try {
    const { signing } = settings
    const origin = logOf(settings.kafka)
    const plain = settings.tail ? tailOf(settings.tail, origin, region) : origin
    const log = signing ? signed(plain, { ...signing, ...(onUnsigned && { onEvent: onUnsigned }) }) : plain
    const cache = createCache({
      kafka: log,
      ...settings.cache,
      use: [
        ...(settings.tier ? [sharedTier(tierOf(settings.tier))] : []),
        ...(settings.replicates ? [replicate()] : []),
      ],
    })
    const metrics = metricsOf(cache, settings, options)
    const app = createApp({
      cache,
      auth: settings.auth,
      timing: settings.timing,
      ...(metrics && { metrics }),
      ...(settings.origin !== undefined && { origin: httpOrigin(settings.origin) }),
      ...(!settings.bulk && { bulk: false as const }),
      ...(settings.namespaces !== undefined && { namespaces: settings.namespaces }),
      ...(settings.audit !== undefined && { audit: auditOf(settings, settings.audit, log, options) }),
      ...(onError !== undefined && { onError }),
    })
    return { app, cache, log, settings }
  } catch (error) {
    throw error instanceof TypeError && !(error instanceof BindingsError) ? blameBindings(error) : error
  }
}

function metricsOf(cache: Cache, { otel }: Settings, options: DeploymentOptions): RequestMetrics | undefined {
  if (otel === undefined) return undefined
  if (options.metrics === undefined)
    throw new BindingsError('`OTEL_EXPORTER_OTLP_ENDPOINT` needs `main` to be kedge/worker/cloudflare-otlp.')
  try {
    return options.metrics(cache, otel)
  } catch (error) {
    // Its messages name variables.
    throw error instanceof TypeError ? new BindingsError(`${error.message}.`) : error
  }
}

function auditOf(
  { evictionsTopic: evictions }: Settings,
  { to, topic, key, keysHash, updatesTopic: updates }: AuditSettings,
  kafka: KafkaLog,
  { onAudit, onError }: DeploymentOptions,
): AuditOptions {
  const onLost = (lines: number, cause: unknown) =>
    onError?.(new Error(`${lines} lines of the audit were lost`, { cause }))
  const console = async (lines: readonly string[]) => {
    for (const line of lines) await Promise.resolve(onAudit?.(line))
  }
  return {
    tell:
      to === 'topic'
        ? auditTopic({ kafka, key, onLost, ...(topic !== undefined && { topic }) })
        : auditLines({ send: console, key, onLost }),
    topics: { evictions, updates },
    keysHash,
    // Cloudflare sets it, whatever the client sends.
    remote: ({ headers }) => headers.get('cf-connecting-ip') ?? '',
  }
}

function refusal(error: unknown): Problem {
  const why = error instanceof BindingsError ? error.message : 'The worker could not be started.'
  return new Problem(500, 'ERR_MISCONFIGURED', why)
}
