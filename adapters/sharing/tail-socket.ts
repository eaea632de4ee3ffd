/**
 * A socket to the tail, for processes that live: the tail sends what is new, and proofs of freshness, and is asked for nothing.
 *
 * @module
 */
import type { Options } from '../../src/api/option-check.ts'
import { encodeUtf8 } from '../../src/wire/codec.ts'
import { toBase64 } from '../kafka/rest/base64.ts'
import { callback, topicNames } from '../option-tests.ts'
import { check } from '../options.ts'
import { AUTH_PROTOCOL, TAIL_PROTOCOL } from './tail/protocol.ts'
import type { WebSocketLike } from './tail/socket-link.ts'
import { type SocketAddress, socketsBy, type TailSocketStats } from './tail/sockets.ts'
import type { TailSocket } from './tail.ts'

export type { WebSocketLike } from './tail/socket-link.ts'
export type { TailSocketStats } from './tail/sockets.ts'
export type { TailSocket } from './tail.ts'

export interface TailSocketOptions {
  /**
   * Topics of values, such as `['cache-updates']`, that sockets bring as well, committed records alone: for `replicate()`, which then
   * asks for nothing in calm either.
   *
   * @default none: they are read from `origin`
   */
  readonly updates?: readonly string[]
  /**
   * Opens a socket. Where the platform has no `WebSocket` (Node 20), or `headers` of `tail()` must reach a proxy, which the
   * constructor of the web cannot send: `(url, protocols, headers) => new WebSocket(url, protocols, { headers })` with the one of `ws`.
   *
   * @default the platform's `WebSocket`, looked up at each call
   */
  readonly connect?: (
    url: string,
    protocols: string[],
    headers: Readonly<Record<string, string>>,
  ) => WebSocketLike | Promise<WebSocketLike>
}

const shape: Options = { connect: callback, updates: topicNames }

/**
 * Has `tail({ url, socket })` follow its topics over a WebSocket while it is asked for them, and answer by what that has brought: a
 * quiet process sends no request, and an eviction is there as soon as the tail has it. Where the socket is away, or what it has brought
 * is too old, the tail is asked by requests, as without one; `maxAgeMs: 0` always is.
 *
 * It is for processes that live, with `cache.follow()`. Not for Workers, whose sockets end with their request, nor for Lambda. For a
 * Durable Object `kedge/worker/tail` has `objectSocket()`.
 *
 * @throws TypeError where an option is wrong or unknown, or the platform has no `WebSocket` and `connect` is missing; `tail()` does for a runtime that isolates requests.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 * import { tailSocket } from 'kedge/adapters/tail-socket'
 *
 * const url = 'https://kafka.example'
 * const stopping = new AbortController()
 * const cache = createCache({ kafka: tail({ origin: gateway({ url }), url, socket: tailSocket() }) })
 * void cache.follow({ signal: stopping.signal })
 * ```
 */
export function tailSocket(options: TailSocketOptions = {}): TailSocket & { stats(): TailSocketStats } {
  check(shape, options, 'tailSocket')
  if (options.connect === undefined && globalThis.WebSocket === undefined)
    throw new TypeError('`connect`: must be given where there is no WebSocket, as in Node 20: that of `ws`')
  const { connect: connectTo = connect, updates = [] } = options
  const dial = ({ url, authorization, headers }: SocketAddress) => {
    const protocols = [TAIL_PROTOCOL]
    if (authorization !== undefined) protocols.push(AUTH_PROTOCOL + base64Url(authorization))
    return connectTo(url, protocols, headers)
  }
  return socketsBy({ dial, updates })
}

type Connect = NonNullable<TailSocketOptions['connect']>

const connect: Connect = (url, protocols) => new globalThis.WebSocket(url, protocols)

const base64Url = (text: string): string =>
  toBase64(encodeUtf8(text)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
