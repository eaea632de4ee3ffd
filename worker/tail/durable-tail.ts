/** Asks a tail in a Durable Object: that of the isolate's region. @module */
import { callback, count, oneOf, required, textLike } from '../../adapters/option-tests.ts'
import { check } from '../../adapters/options.ts'
import type { TailOptions } from '../../adapters/sharing/tail.ts'
import { must, type Options } from '../../src/api/option-check.ts'
import { systemRuntime, type Runtime } from '../../src/ports/runtime.ts'
import { TAIL_REGIONS, type TailRegion } from './regions.ts'

/** A namespace of Durable Objects, as Cloudflare binds it. */
export interface TailNamespace {
  getByName(name: string, options?: { locationHint?: TailRegion }): TailStub
}

/** A Durable Object as seen from a request. It belongs to that request. */
export interface TailStub {
  fetch(url: string, init: { readonly signal: AbortSignal }): Promise<Response>
}

export interface DurableTailOptions {
  /** The topic that the objects follow, a part of their names. @default 'cache-evictions' */
  readonly topic?: string
  /**
   * Where the object lives that this isolate asks: see {@link regionOf}. A function is called for each question, for an isolate
   * that learns it from its first request. @default none: one object for all, where it was first asked for
   */
  readonly region?: TailRegion | (() => TailRegion | undefined) | undefined
  /** How many objects a region has. Each isolate asks one of them, by chance. 1 to 1,000. @default 1 */
  readonly shards?: number
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

const isRegion = oneOf(TAIL_REGIONS, `must be one of ${TAIL_REGIONS.join(', ')}`)

const shape: Options = {
  namespace: required(
    must(
      (value) => typeof (value as Partial<TailNamespace> | null)?.getByName === 'function',
      'must be a namespace of Durable Objects',
    ),
  ),
  topic: textLike(/^[A-Za-z0-9._-]{1,249}$/, 'must be the name of a Kafka topic'),
  region: (value) => (callback(value) === undefined ? undefined : isRegion(value)),
  shards: count(1, 1000, 'must be a whole number from 1 to 1000'),
  runtime: must((value) => typeof value === 'object' && value !== null, 'must be an object'),
}

/** What stands for a region in the name of an object where none is known. */
const ANYWHERE = 'any'

/**
 * The `ask` of `tail()` for a {@link TailObject}: it asks the object named `<topic>:<region>:<shard>`, by a stub of its own for each
 * question, because a stub belongs to the request that made it.
 *
 * @param namespace the binding: `env.KEDGE_TAIL`
 * @throws TypeError where an option is wrong or unknown
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 * import { durableTail, regionOf, type TailNamespace } from 'kedge/worker/tail'
 *
 * export const kafkaOf = (env: { KAFKA_REST_URL: string; KEDGE_TAIL: TailNamespace }, cf: unknown) =>
 *   tail({
 *     origin: gateway({ url: env.KAFKA_REST_URL }),
 *     ask: durableTail(env.KEDGE_TAIL, { region: regionOf(cf) }),
 *   })
 * ```
 */
export function durableTail(
  namespace: TailNamespace,
  options: DurableTailOptions = {},
): NonNullable<TailOptions['ask']> {
  check(shape, { ...options, namespace }, 'durableTail')
  const { topic = 'cache-evictions', region, shards = 1, runtime = systemRuntime() } = options
  // Drawn at the first question: Workers have no randomness before their first request.
  let shard: number | undefined
  return async (path, { signal }) => {
    shard ??= Math.floor(runtime.random() * shards)
    const locationHint = typeof region === 'function' ? region() : region
    const name = `${topic}:${locationHint ?? ANYWHERE}:${shard}`
    const stub = namespace.getByName(name, locationHint && { locationHint })
    return stub.fetch(`https://tail.invalid${path}`, { signal })
  }
}
