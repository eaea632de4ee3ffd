/** A tail in a Durable Object. @module */
import { answerTail } from '../../adapters/sharing/tail/route.ts'
import { TailState } from '../../adapters/sharing/tail/state.ts'
import type { TailStorage } from '../../adapters/sharing/tail/lineage.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'

/** What Cloudflare gives to an object, as far as a tail needs it. */
export interface TailObjectContext {
  readonly storage: TailStorage
}

/**
 * Samples a log for all isolates that ask it: the class of a Durable Object, with SQLite or without, to extend with the log that it
 * samples. What its storage keeps is the lineage of a log that tells no identity, a few hundred bytes.
 *
 * It asks for no credentials: an object has no address, and only Workers that bind its namespace reach it. Let no request from
 * outside through to it.
 *
 * It is a plain class with a `fetch`, which Cloudflare takes as well as one that extends its `DurableObject`.
 *
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { TailObject } from 'kedge/worker/tail'
 *
 * export class KedgeTail extends TailObject<{ KAFKA_REST_URL: string }> {
 *   override log() {
 *     return gateway({ url: this.env.KAFKA_REST_URL })
 *   }
 * }
 * ```
 */
export abstract class TailObject<Env = unknown> {
  // How the types of Cloudflare know a class of a Durable Object, so that `wrangler types` can name this one.
  declare readonly __DURABLE_OBJECT_BRAND: never
  protected readonly ctx: TailObjectContext
  protected readonly env: Env
  #state: TailState | undefined

  constructor(ctx: TailObjectContext, env: Env) {
    this.ctx = ctx
    this.env = env
  }

  /** The log that it samples; called once. It must not be one that asks a tail. */
  protected abstract log(): KafkaLog

  /** Answers a question of `durableTail()`. */
  async fetch(request: Request): Promise<Response> {
    const { storage } = this.ctx
    this.#state ??= new TailState({
      log: this.log(),
      storage: {
        get: async (key) => storage.get(key),
        put: async (key, value) => storage.put(key, value),
      },
    })
    return answerTail(this.#state, request)
  }
}
