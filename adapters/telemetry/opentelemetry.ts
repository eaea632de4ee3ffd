/**
 * Traces and metrics of a cache by OpenTelemetry's API: which SDK stands behind it, if any, is the program's.
 *
 * @module
 */
import type { Cache } from '../../src/api/cache-types.ts'
import { observe } from '../../src/api/events.ts'
import type { Feature } from '../../src/api/feature.ts'
import { must, type Options } from '../../src/api/option-check.ts'
import { partsOfCache, partsOfHost } from '../../src/write/cache-parts.ts'
import { cacheCounters } from '../metrics/shared/cache-counters.ts'
import { cacheTimers } from '../metrics/shared/cache-timers.ts'
import { count, oneOf, required, textLike, truth } from '../option-tests.ts'
import { check } from '../options.ts'
import type { Attributes, Meter, OpenTelemetry, Tracer } from './opentelemetry/api.ts'
import { EvictionSpans } from './opentelemetry/eviction-spans.ts'
import type { EvictionTracing } from './opentelemetry/eviction-spans.ts'
import { eventSpans } from './opentelemetry/event-spans.ts'
import { tracedLoad } from './opentelemetry/load-span.ts'
import { CacheMetrics } from './opentelemetry/cache-metrics.ts'
import { beginSending } from './opentelemetry/send-span.ts'
import { Spans } from './opentelemetry/spans.ts'

export type { Attributes, Meter, OpenTelemetry, Tracer } from './opentelemetry/api.ts'
export type { EvictionTracing } from './opentelemetry/eviction-spans.ts'

export interface TracingOptions {
  /** The module: `import * as api from '@opentelemetry/api'`. */
  readonly api: OpenTelemetry
  /** @default `api.trace.getTracer('kedge')` */
  readonly tracer?: Tracer
  /** Whether spans of loads have the first ten of their keys as `kedge.keys`: keys may be personal data. @default false */
  readonly keys?: boolean
  /** Whether a hit makes a span, where a span is active. @default false */
  readonly hits?: boolean
  /** Whether polls make spans that are of no request, as those of `follow()`. @default false */
  readonly polls?: boolean
  /**
   * What an isolate makes of evictions that it applies and whose writer's trace is sampled. `'link'`: a trace of its own, with
   * one span a poll that links to the writers. `'child'`: a span each in the writer's trace, for few isolates: an eviction
   * that a thousand of them apply is a thousand spans. `false`: nothing.
   * @default 'link'
   */
  readonly evictions?: EvictionTracing
}

export interface MetricsOptions {
  /** The module: `import * as api from '@opentelemetry/api'`. */
  readonly api: OpenTelemetry
  /** @default `api.metrics.getMeter('kedge')`, which is that of the SDK only once the SDK is set up */
  readonly meter?: Meter
  /** Before every name. @default 'kedge.cache.' */
  readonly prefix?: string
  /** On every sample: what tells two caches of a process apart. @default none */
  readonly attributes?: Attributes
  /** Namespaces that have samples of their own: those that come after them are `other`. @default 100 */
  readonly maxNamespaces?: number
}

const isModule = (api: Partial<OpenTelemetry> | null): boolean =>
  [api?.trace, api?.context, api?.metrics, api?.SpanKind, api?.ROOT_CONTEXT].every(
    (each) => typeof each === 'object',
  )
const api = required(must(isModule, "must be the module: import * as api from '@opentelemetry/api'"))

const TRACING: Options = {
  api,
  tracer: must(
    (tracer: Partial<Tracer> | null) => typeof tracer?.startSpan === 'function',
    'must be a Tracer of OpenTelemetry',
  ),
  keys: truth,
  hits: truth,
  polls: truth,
  evictions: (value) =>
    value === false ? undefined : oneOf(['link', 'child'], "must be 'link', 'child' or false")(value),
}

const METRICS: Options = {
  api,
  meter: must(
    (meter: Partial<Meter> | null) => typeof meter?.createObservableCounter === 'function',
    'must be a Meter of OpenTelemetry',
  ),
  // What OpenTelemetry allows in the names of instruments.
  prefix: textLike(
    /^[a-zA-Z][\w./-]{0,99}$/,
    'must be at most 100 letters, digits, _ . - and /, and begin with a letter',
  ),
  attributes: must(
    (given: unknown) => typeof given === 'object' && given !== null && !Array.isArray(given),
    'must be an object of attributes',
  ),
  maxNamespaces: count(1, 1000, 'must be a whole number from 1 to 1000'),
}

/**
 * Spans of what a cache does, as a feature of it: loads, polls, calls of a shared tier, questions to a loader service, and
 * writes, whose `traceparent` goes into the record and, where the trace is sampled, into the message. A hit makes none.
 *
 * The parent is the span that is active, where there is one (Node, Deno, Bun, Workers with `nodejs_als`: what the SDK sets up as
 * context manager); else what `cache.for` was given as `trace`: a `Span`, a `Context`, or the text of a `traceparent`.
 *
 * @throws TypeError for options that are wrong.
 * @example
 * ```ts
 * import * as api from '@opentelemetry/api'
 * import { createCache } from 'kedge'
 * import { tracing } from 'kedge/adapters/opentelemetry'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory(), use: [tracing({ api })] })
 * const span = api.trace.getTracer('shop').startSpan('GET /users/7')
 * const users = cache.for({ waitUntil: () => undefined, trace: span }).namespace<string>('users')
 * await users.getOrSet('7', async () => 'Ada')
 * span.end()
 * ```
 */
export function tracing(options: TracingOptions): Feature {
  check(TRACING, options, 'tracing')
  const { api: otel, keys = false, hits = false, polls = false, evictions = 'link' } = options
  const { tracer = otel.trace.getTracer('kedge') } = options
  return {
    name: 'openTelemetry',
    open(host) {
      const { settings } = partsOfHost(host).context.shared
      const { evictionsTopic, runtime } = settings
      const spans = new Spans({ api: otel, tracer, now: () => runtime.now() })
      const applied = new EvictionSpans(spans, evictionsTopic, evictions)
      const ended = eventSpans(spans, evictionsTopic, polls)
      settings.sending = beginSending(spans)
      observe(settings, (event, trace) => (applied.take(event, trace), ended(event, trace)))
      if (hits) {
        const reads = { emit: settings.emitRead }
        observe(reads, (event) => event.type === 'hit' && spans.hit(event.namespace, event.stale))
        settings.emitRead = reads.emit
      }
      return { aroundLoad: tracedLoad(spans, keys) }
    },
  }
}

/**
 * Registers the metrics of a cache with a meter: observable counters and gauges, which are read when the SDK collects, and histograms of
 * durations. A hit calls nothing. No attribute has a key.
 *
 * Set up the SDK first, or give `meter`: a meter that the API hands out before records nothing.
 *
 * @returns what takes the counters and gauges back
 * @throws TypeError for a cache that is none of `createCache`, and for options that are wrong.
 * @example
 * ```ts
 * import * as api from '@opentelemetry/api'
 * import { createCache } from 'kedge'
 * import { metrics } from 'kedge/adapters/opentelemetry'
 * import { memory } from 'kedge/testing'
 *
 * const cache = createCache({ kafka: memory() })
 * metrics(cache, { api })
 * ```
 */
export function metrics(cache: Cache, options: MetricsOptions): () => void {
  check(METRICS, options, 'metrics')
  const { api: otel, prefix = 'kedge.cache.', attributes = {}, maxNamespaces = 100 } = options
  const { meter = otel.metrics.getMeter('kedge') } = options
  const { settings } = partsOfCache(cache).context.shared
  const own = new CacheMetrics({ meter, prefix, attributes })
  cacheCounters(own, cache)
  observe(settings, cacheTimers(own, maxNamespaces, []))
  return () => own.stop()
}
