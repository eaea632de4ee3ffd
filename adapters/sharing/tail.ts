/**
 * A log that shares proofs of freshness with others: one tail samples the ends of the evictions topic for many isolates.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { must } from '../../src/api/option-check.ts'
import type { KafkaLog } from '../../src/ports/kafka-log.ts'
import { systemRuntime, type Runtime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { endpoint, type Auth, type Endpoint } from '../kafka/rest/endpoint.ts'
import { http } from '../kafka/rest/http.ts'
import { callback, count, duration, required, topicNames } from '../option-tests.ts'
import { check, restShape, transportLimits } from '../options.ts'
import { TailClient } from './tail/client.ts'
import type { AskedTail } from './tail/pushed-log.ts'
import { SharedProofs, type ProofStore } from './tail/shared-proofs.ts'

export { cacheApiStore, type CacheApiStoreOptions } from './tail/cache-api-store.ts'
export type { ProofStore } from './tail/shared-proofs.ts'
export type { Auth } from '../kafka/rest/endpoint.ts'

export interface TailOptions {
  /** The log itself: it takes what is written, and reads every topic that the tail does not follow. It is closed with this one. */
  readonly origin: KafkaLog
  /** The address of a gateway or a relay that answers `/tail`. Either this or `ask`. */
  readonly url?: string
  /** Credentials for `url`. */
  readonly auth?: Auth
  /** Sent with every request to `url`. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Sends a request to a tail that has no address, such as a Durable Object: `durableTail()` of
   * `kedge/worker/tail` makes it. A stub
   * belongs to the request that made it, so make one at each call.
   */
  readonly ask?: (path: string, init: { readonly signal: AbortSignal }) => Promise<Response>
  /** Where clients find the proofs of others, before they ask the tail. @default none */
  readonly store?: ProofStore | undefined
  /**
   * The key that proofs in the store are signed with: 32 to 256 bytes, or these as base64 (`openssl rand -base64 32`), the same
   * for all clients. Must be given with `store`.
   */
  readonly secret?: string | Uint8Array
  /**
   * Has the tail send what is new, to a process that lives: `tailSocket()` of `kedge/adapters/tail-socket`. With `url` alone.
   *
   * @default none: the tail is asked
   */
  readonly socket?: TailSocket
  /** Topics that the tail follows. @default ['cache-evictions'] */
  readonly topics?: readonly string[]
  /** How much faster one clock may run than another, in parts per million. @default 1000 */
  readonly driftPpm?: number
  /** How long the tail may take to answer. A store is waited for before, for half a second at most. @default '2s' */
  readonly requestTimeout?: Duration
  /** The transport of `url`. @default the platform's `fetch`, looked up at each call */
  readonly fetch?: typeof fetch
  /** @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** What `tailSocket()` makes. */
export interface TailSocket {
  /** Called by `tail()`. */
  over(terms: SocketTerms): Pick<KafkaLog, 'offsets' | 'read'> & { close(): void }
}

/** What `tail()` gives to a socket. */
export interface SocketTerms {
  /** The tail, as it is asked by requests. */
  readonly asked: AskedTail
  readonly endpoint: Pick<Endpoint, 'origin' | 'path' | 'credentials'>
  /** Those that it follows. */
  readonly topics: ReadonlySet<string>
  readonly runtime: Runtime
}

const object = must((value) => typeof value === 'object' && value !== null, 'must be an object')
const secret = must(
  (value: unknown) => typeof value === 'string' || ArrayBuffer.isView(value),
  'must be 32 to 256 bytes, or base64 of them',
)

const { maxResponseBytes: _, ...rest } = restShape
const shape: Options = {
  ...rest,
  origin: required(object),
  url: (value) => restShape.url(value),
  ask: callback,
  store: object,
  secret,
  socket: object,
  topics: topicNames,
  driftPpm: count(0, 100_000),
  requestTimeout: duration,
  runtime: object,
}

/** The most that an answer of a tail takes: see `adapters/sharing/tail/state.ts`. */
const MAX_RESPONSE_BYTES = 2_000_000

/**
 * A log whose proofs of freshness are shared. See {@link TailOptions}.
 *
 * A poll takes the proof of another isolate out of the store where one is young enough, else it asks the tail, which samples the
 * log for all. How old a proof is it computes from its own clock and from what the tail has echoed, and never by comparing clocks:
 * `maxStaleness` holds as without a tail. It never polls `origin`: where the tail is away, `onUnreachable` decides.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 *
 * const url = 'https://kafka.example'
 * const cache = createCache({ kafka: tail({ origin: gateway({ url }), url }), refreshAfter: '500ms' })
 * ```
 */
export function tail(options: TailOptions): KafkaLog {
  check(shape, options, 'tail')
  const { origin, url, ask, auth, headers, store, topics = ['cache-evictions'], driftPpm = 1000 } = options
  if ((url === undefined) === (ask === undefined))
    throw new TypeError('`url`: exactly one of `url` and `ask` must be given')
  if (store && options.secret === undefined) throw new TypeError('`secret`: must be given with `store`')
  if (options.socket && url === undefined) throw new TypeError('`socket`: must be given with `url`')
  const runtime = options.runtime ?? systemRuntime()
  if (options.socket && runtime.isolatesRequests)
    throw new TypeError('`socket`: on this platform a socket ends with the request that opened it')
  const limits = transportLimits({
    requestTimeout: options.requestTimeout ?? '2s',
    maxResponseBytes: MAX_RESPONSE_BYTES,
  })
  // A tail without an address is asked by its paths alone.
  const transport: typeof fetch | undefined = ask
    ? (input, init) => ask((input as string).slice(NOWHERE.length), { signal: init!.signal! })
    : options.fetch
  const to = endpoint({ url: url ?? NOWHERE, ...(auth && { auth }), ...(headers && { headers }) })
  const followed: ReadonlySet<string> = new Set(topics)
  const client = new TailClient({
    origin,
    http: http(to, { ...limits, fetch: transport }),
    topics: followed,
    proofs: store && new SharedProofs(store, options.secret!),
    driftPpm,
    timeoutMs: limits.timeoutMs,
    runtime,
  })
  const socket = options.socket?.over({ asked: client, endpoint: to, topics: followed, runtime })
  const log = socket ?? client
  return {
    capabilities: {
      identity: true,
      longPoll: socket !== undefined,
      readCommitted: origin.capabilities.readCommitted,
      shared: true,
    },
    ...(origin.signedTopics && { signedTopics: origin.signedTopics }),
    produce: async (topic, records, call) => origin.produce(topic, records, call),
    offsets: (topic, call) => log.offsets(topic, call),
    read: (topic, positions, how) => log.read(topic, positions, how),
    ...(store && { settled: () => client.settled() }),
    async close() {
      socket?.close()
      await origin.close?.()
    },
  }
}

const NOWHERE = 'https://tail.invalid'
