/** What `tail()` is given. @module */
import type { Options } from '../../../src/api/option-check.ts'
import { must } from '../../../src/api/option-check.ts'
import type { KafkaLog } from '../../../src/ports/kafka-log.ts'
import { systemRuntime, type Runtime } from '../../../src/ports/runtime.ts'
import type { Duration } from '../../../src/runtime/duration.ts'
import type { Auth, Endpoint } from '../../kafka/rest/endpoint.ts'
import { callback, count, duration, required, topicNames } from '../../option-tests.ts'
import { check, restShape } from '../../options.ts'
import type { AskedTail } from './pushed-log.ts'
import type { ProofStore } from './signed-store.ts'

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
   * `kedge/worker/tail` makes it. A stub belongs to the request that made it, so make one at each call.
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

/** What `tailSocket()` makes, and `objectSocket()` for a Durable Object. */
export interface TailSocket {
  /** Called by `tail()`. */
  over(terms: SocketTerms): Pick<KafkaLog, 'offsets' | 'read'> & { close(): void }
  /**
   * Whether it lives on when the request that opened it ends, though the platform isolates requests: in a Durable Object.
   *
   * @default false
   */
  readonly outlivesRequests?: boolean
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

/** @throws TypeError where an option is wrong or unknown, or does not go with the others */
export function checkTailOptions(options: TailOptions): void {
  check(shape, options, 'tail')
  const { url, ask, store, secret: key, socket, runtime } = options
  if ((url === undefined) === (ask === undefined))
    throw new TypeError('`url`: exactly one of `url` and `ask` must be given')
  if (store && key === undefined) throw new TypeError('`secret`: must be given with `store`')
  if (!store && key !== undefined) throw new TypeError('`secret`: signs what is in `store`, which is missing')
  if (socket && url === undefined) throw new TypeError('`socket`: must be given with `url`')
  if (socket && !socket.outlivesRequests && (runtime ?? systemRuntime()).isolatesRequests)
    throw new TypeError(
      '`socket`: on this platform a socket ends with the request that opened it, but objectSocket() in a Durable Object',
    )
}
