/**
 * A loader service on Workers: read by a cron trigger for a while, or fed by a queue.
 *
 * @module
 */
import type { LoaderService } from '../services/loader/types.ts'
import type { Duration } from '../src/runtime/duration.ts'
import type { RequestContext } from '../src/api/read-types.ts'

/** The part of Cloudflare's `MessageBatch` that is needed. */
export interface RequestBatch {
  readonly messages: readonly { readonly body: unknown }[]
}

export interface LoaderHandlersOptions {
  /** How long one run of the cron trigger reads: a little less than the time between two. @default '50s' */
  readonly budget?: Duration
}

/** The handlers that Cloudflare Workers calls. */
export interface LoaderHandlers<Env> {
  scheduled(event: unknown, env: Env, context: RequestContext): Promise<void>
  /** Each body is a request, as in the log. All are acknowledged: an asker without an answer loads by itself. */
  queue(batch: RequestBatch, env: Env, context: RequestContext): Promise<void>
}

/**
 * The handlers of a loader service: one for each isolate, made of the bindings of its first event.
 *
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { createLoader } from 'kedge/loader'
 * import { loaderHandlers } from 'kedge/worker'
 *
 * export default loaderHandlers((env: { KAFKA_REST_URL: string }) =>
 *   createLoader({
 *     kafka: gateway({ url: env.KAFKA_REST_URL }),
 *     lookback: 100,
 *     loaders: { users: async (ids) => new Map(ids.map((id) => [id, { name: `user ${id}` }])) },
 *   }),
 * )
 * ```
 */
export function loaderHandlers<Env>(
  make: (env: Env) => LoaderService,
  { budget = '50s' }: LoaderHandlersOptions = {},
): LoaderHandlers<Env> {
  // Bindings do not change while an isolate lives; a failed attempt is made anew.
  let made: LoaderService | undefined
  const service = (env: Env): LoaderService => (made ??= make(env))
  return {
    async scheduled(_event, env, context) {
      await service(env).step({ budget, context })
    },
    async queue(batch, env, context) {
      const requests = batch.messages.map(({ body }) =>
        body instanceof ArrayBuffer ? new Uint8Array(body) : body,
      )
      await service(env).load(requests, { context })
    },
  }
}
