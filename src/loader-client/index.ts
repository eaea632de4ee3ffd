/**
 * `kedge/loader-client`: misses that a loader service (`kedge/loader`) answers.
 *
 * @module
 */
import { checkFeatureOptions } from '../api/option-check.ts'
import { duration } from '../api/option-tests.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import { SEEK } from '../read/flight.ts'
import type { Seek } from '../read/flight.ts'
import { durationMs } from '../runtime/duration.ts'
import type { Duration } from '../runtime/duration.ts'
import { RequestReply } from './request-reply.ts'

/** The options of `viaLoader()`. */
export interface ViaLoaderOptions {
  /** How long a loader service is waited for; never longer than half of `hardTimeout`. @default '2s' */
  readonly wait?: Duration
}

/** What a cache asks its loader service by; made when it asks first. */
const CLIENTS = new WeakMap<CacheContext, RequestReply>()

/**
 * A loader, or a loader of many keys, that first asks a loader service through the requests topic, and loads by itself
 * only what no answer comes for within `wait`. The requests and updates topics are those of the cache's options.
 *
 * @param loader of `getOrSet`, `getEntry` or `getOrSetMany`
 * @throws TypeError quoting the option that is wrong.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { viaLoader } from 'kedge/loader-client'
 * import { memory } from 'kedge/testing'
 *
 * const users = createCache({ kafka: memory() }).namespace<{ name: string }>('users')
 * const load = async () => ({ name: 'Ada' })
 * console.log(await users.getOrSet('7', viaLoader(load, { wait: '500ms' })))
 * ```
 */
export function viaLoader<L extends (...given: never[]) => unknown>(
  loader: L,
  options: ViaLoaderOptions = {},
): L {
  if (typeof loader !== 'function') throw new TypeError('`loader`: must be a function')
  checkFeatureOptions({ wait: duration }, options, 'viaLoader')
  const waitMs = durationMs(options.wait ?? '2s', 'wait')
  const seek: Seek = ({ shared, follower }, space, flights, demand, signal) => {
    let client = CLIENTS.get(shared)
    if (client === undefined) CLIENTS.set(shared, (client = new RequestReply(shared, follower)))
    return client.seek(space, flights, demand, waitMs, signal)
  }
  const asking = (...given: Parameters<L>): unknown => loader(...given)
  return Object.assign(asking, { [SEEK]: seek }) as unknown as L
}
