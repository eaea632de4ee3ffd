/**
 * A cache in handlers of one's own: a request boundary before each invocation, what is deferred awaited after it.
 *
 * @module
 */
import { isKedgeError, KedgeError } from '../../src/ports/errors.ts'
import type { Token } from '../../src/wire/token.ts'
import type { Cache, CacheScope } from '../../src/api/cache-types.ts'
import { invocationSettings, invoked } from './invocation.ts'
import type { Invocation, InvocationOptions, LambdaContext } from './invocation.ts'

/** What a handler finds on its context. */
export interface WithCache {
  /** The cache within this invocation. */
  readonly cache: CacheScope
}

export interface WithCacheOptions<Event> extends InvocationOptions {
  /**
   * The token that the caller sends, so that it reads its own writes. `onError` gets one that is none, which
   * is then ignored. @default none
   */
  readonly token?: (event: Event) => Token | undefined
}

/**
 * A handler with a cache: it finds the cache within its invocation as `context.cache`, which is put on the context
 * that it is given. What the cache does in the background is awaited before the answer, also when the handler throws.
 *
 * Anything may be wrapped that is called with an event and a context, a handler of middy for instance; and what
 * comes out may be given to middy.
 *
 * @param cache the cache, or how to get at it where it is to be made at the first invocation
 * @throws TypeError for wrong options.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { withCache } from 'kedge/lambda'
 *
 * declare const db: { user(id: string): Promise<{ name: string }> }
 * const cache = createCache({ kafka: gateway({ url: 'http://localhost:8082' }) })
 *
 * export const handler = withCache(cache, async (event: { id: string }, context) =>
 *   context.cache.namespace<{ name: string }>('users').getOrSet(event.id, () => db.user(event.id)),
 * )
 * ```
 */
export function withCache<
  Event,
  Result,
  Context extends WithCache = LambdaContext & WithCache,
  Rest extends unknown[] = [],
>(
  cache: Cache | (() => Cache),
  handler: (event: Event, context: Context, ...rest: Rest) => Result | Promise<Result>,
  options: WithCacheOptions<Event> = {},
): (event: Event, context?: Omit<Context, 'cache'>, ...rest: Rest) => Promise<Result> {
  const bounded = boundary(cache, options)
  return (event, context, ...rest) =>
    bounded(event, context, async (inner: Context) => handler(event, inner, ...rest))
}

/**
 * The same for handlers that stream their answer: give what comes out to `awslambda.streamifyResponse`.
 *
 * The caller has the whole answer when the stream ends; what is deferred is awaited after that, and costs it nothing.
 *
 * @throws TypeError for wrong options.
 */
export function withStreamingCache<
  Event,
  Stream,
  Result,
  Context extends WithCache = LambdaContext & WithCache,
>(
  cache: Cache | (() => Cache),
  handler: (event: Event, stream: Stream, context: Context) => Result | Promise<Result>,
  options: WithCacheOptions<Event> = {},
): (event: Event, stream: Stream, context?: Omit<Context, 'cache'>) => Promise<Result> {
  const bounded = boundary(cache, options)
  return (event, stream, context) =>
    bounded(event, context, async (inner: Context) => handler(event, stream, inner))
}

function boundary<Event>(cache: Cache | (() => Cache), options: WithCacheOptions<Event>) {
  const settings = invocationSettings(options, ['token'])
  const { token } = options
  const sent = (event: Event): Token | undefined => {
    try {
      // It comes out of an event, which is a stranger's JSON: its type is not known.
      const said: unknown = token?.(event) ?? undefined
      if (said === undefined || typeof said === 'string') return said
      throw new KedgeError('ERR_TOKEN', 'a token must be a string')
    } catch (error) {
      settings.tell(error)
      return undefined
    }
  }
  return <Context extends WithCache, Result>(
    event: Event,
    context: Omit<Context, 'cache'> | undefined,
    run: (context: Context) => Promise<Result>,
  ): Promise<Result> =>
    invoked(context, settings, async (invocation) => {
      const own = typeof cache === 'function' ? cache() : cache
      const scope = scopeOf(own, invocation, sent(event))
      return run(Object.assign(context ?? {}, { cache: scope }) as Context)
    })

  function scopeOf(own: Cache, invocation: Invocation, after: Token | undefined): CacheScope {
    if (after === undefined) return own.for(invocation)
    try {
      return own.for(invocation, { after })
    } catch (error) {
      if (!isKedgeError(error) || error.code !== 'ERR_TOKEN') throw error
      settings.tell(error)
      return own.for(invocation)
    }
  }
}
