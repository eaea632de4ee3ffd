/**
 * The metrics of a cache, pushed as OTLP/JSON over HTTP: for Workers and Lambda, which nothing can scrape.
 *
 * @module
 */
import type { Cache } from '../../src/api/cache-types.ts'
import { observe } from '../../src/api/events.ts'
import type { RequestContext } from '../../src/api/read-types.ts'
import { randomId } from '../../src/runtime/random-id.ts'
import { partsOfCache } from '../../src/write/cache-parts.ts'
import { endpoint } from '../kafka/rest/endpoint.ts'
import { http } from '../kafka/rest/http.ts'
import { check, longerThanNothing, transportLimits } from '../options.ts'
import { cacheCounters } from './shared/cache-counters.ts'
import { cacheTimers } from './shared/cache-timers.ts'
import { OtlpMeter } from './otlp/meter.ts'
import { OPTIONS, type OtlpOptions } from './otlp/options.ts'
import { Push } from './otlp/push.ts'
import { type AnsweredRequest, requestHistogram } from './otlp/requests.ts'
import { harmless } from '../../src/runtime/listener.ts'

export { otlpOptions } from './otlp/environment.ts'
export type { OtlpOptions } from './otlp/options.ts'
export type { Attributes } from './otlp/points.ts'
export type { AnsweredRequest } from './otlp/requests.ts'

/** What pushes the metrics of a cache. */
export interface OtlpMetrics {
  /**
   * A request begins. What it returns is to be called when the answer begins, with the request where it is to be counted
   * (`http.server.request.duration`).
   */
  begin(context: RequestContext): (answered?: AnsweredRequest) => void
  /** A request boundary: pushes under the context's `waitUntil` where a push is due. Never throws. */
  tick(context?: RequestContext): void
  /**
   * Pushes what there is, after a push that is under way: before a process ends. Never rejects. In Workers it belongs into
   * `waitUntil`, and does nothing while another request pushes.
   */
  flush(options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Pushes since it was made, those of them that failed, and points that the receiver refused. */
  stats(): { readonly pushes: number; readonly failures: number; readonly refusedPoints: number }
}

/** An answer has one number at most that is of interest. */
const MAX_ANSWER_BYTES = 65_536

/**
 * Pushes the metrics of a cache to an OpenTelemetry collector, or whatever takes OTLP/HTTP as JSON: counters and durations as
 * what came since the last push (delta), and gauges. A hit calls nothing: counters are read when a push is due.
 *
 * There is no timer: a push is due at a request boundary, once in an `interval`, one at a time, under `waitUntil`. One that
 * fails is counted and its data lost; the next one waits longer, as long as `Retry-After` says where it says so.
 *
 * @throws TypeError for a cache that is none of `createCache`, and for options that are wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { otlpMetrics } from 'kedge/adapters/otlp'
 * import { memory } from 'kedge/testing'
 *
 * declare const context: { waitUntil(work: Promise<unknown>): void }
 *
 * const cache = createCache({ kafka: memory() })
 * const metrics = otlpMetrics(cache, { url: 'http://127.0.0.1:4318', service: 'shop' })
 * await cache.for(context).namespace('users').get('7')
 * metrics.tick(context)
 * ```
 */
export function otlpMetrics(cache: Cache, options: OtlpOptions): OtlpMetrics {
  check(OPTIONS, options, 'otlpMetrics')
  const { service = 'kedge', resource = {}, boundary = 'end', maxNamespaces = 100, onError } = options
  const intervalMs = longerThanNothing(options.interval ?? '10s', 'interval')
  const { timeoutMs, ...limits } = transportLimits(options)
  const { shared } = partsOfCache(cache).context
  const { runtime } = shared.settings
  const meter = new OtlpMeter()
  cacheCounters(meter, cache)
  observe(shared.settings, cacheTimers(meter, maxNamespaces, []))
  const push = new Push(
    {
      http: http(endpoint(options), { ...limits, maxResponseBytes: MAX_ANSWER_BYTES }),
      meter,
      resource: () => ({
        'service.name': service,
        'service.instance.id': randomId(runtime),
        ...resource,
      }),
      intervalMs,
      timeoutMs,
      tell: harmless(onError),
    },
    shared,
  )
  meter.ofPushes('push_failures_total', 'Pushes of metrics that failed.', () => push.failures)
  meter.ofPushes(
    'push_refused_points_total',
    'Points that the receiver of pushed metrics has refused.',
    () => push.refusedPoints,
  )
  const count = requestHistogram(meter.histograms)

  return {
    begin(context) {
      // Nothing is there yet to push.
      if (push.begin() && boundary === 'start') push.tick(context)
      const since = runtime.monotonic()
      return (answered) => {
        if (answered) count(answered, runtime.monotonic() - since)
        if (boundary === 'end') push.tick(context)
      }
    },
    tick: (context) => push.tick(context),
    flush: ({ signal } = {}) => push.flush(signal),
    stats: () => ({
      pushes: push.pushes,
      failures: push.failures,
      refusedPoints: push.refusedPoints,
    }),
  }
}
