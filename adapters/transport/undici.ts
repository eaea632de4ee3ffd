/**
 * A transport for Node and Lambda: connections that are kept, with limits and deadlines, on undici.
 *
 * @module
 */
import { must, type Options } from '../../src/api/option-check.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { check, longerThanNothing } from '../options.ts'
import { count, duration, filled, group } from '../option-tests.ts'
import { Exchange } from './undici/exchange.ts'
import { Agent } from './undici/agent.ts'
import { type PlainRequest, plainRequestOf } from './undici/request-body.ts'

/**
 * How the transport verifies the server, and the client's own certificate. All is PEM text but `servername`.
 */
export interface UndiciTls {
  /** @default the authorities that Node knows */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

export interface UndiciOptions {
  /** Connections to one origin, and so requests at once: a long poll takes one for as long as it waits. @default 32 */
  readonly connections?: number
  /** Requests of one origin that wait for a connection; one more is refused with `ERR_OVERLOADED`. @default 1000 */
  readonly maxQueue?: number
  /** How long a request waits for a connection that is free. @default '5s' */
  readonly queueTimeout?: Duration
  /** How long a new connection may take, TLS included. @default '3s' */
  readonly connectTimeout?: Duration
  /** How long the head of an answer may take: longer than any long poll. @default '60s' */
  readonly headersTimeout?: Duration
  /** How long nothing may come in the middle of an answer. @default '10s' */
  readonly bodyTimeout?: Duration
  /**
   * How long a connection is kept while nothing is sent: less than the other side keeps it. Where a server
   * announces a shorter time (`Keep-Alive: timeout=5`), the transport uses that. @default '20s'
   */
  readonly keepAlive?: Duration
  /** How long `close()` lets requests end before it cuts them. @default '5s' */
  readonly closeTimeout?: Duration
  readonly tls?: UndiciTls
  /** Its clocks. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

export interface UndiciTransport {
  /**
   * For the option `fetch` of adapters. A request is sent at most once; redirects are not followed, whatever `redirect`
   * says but `'error'`; content codings are not asked for; a body that is a stream is read before it is sent.
   *
   * @throws KedgeError `ERR_OVERLOADED`, `ERR_TIMEOUT`, `ERR_CLOSED`; `signal.reason`; TypeError like `fetch`.
   */
  readonly fetch: typeof fetch
  /** Refuses waiting and new requests, lets others end, closes all connections. May be called again. */
  readonly close: () => Promise<void>
}

const pem = filled(must((value) => typeof value === 'string', 'must be a text'))

const shape: Options = {
  connections: count(1),
  maxQueue: count(0),
  queueTimeout: duration,
  connectTimeout: duration,
  headersTimeout: duration,
  bodyTimeout: duration,
  keepAlive: duration,
  closeTimeout: duration,
  tls: group({ ca: pem, cert: pem, key: pem, servername: pem }, 'must be an object'),
  runtime: must((value) => typeof value === 'object' && value !== null, 'must be a runtime'),
}

/**
 * A transport with connections of its own. See {@link UndiciOptions}.
 *
 * The transport sends nothing twice. It notices a connection that the other side has closed before it writes,
 * and sends the request over another one; after the process was frozen for longer than `keepAlive`, it makes
 * all connections anew. Once it has written any of a request, a failure rejects the call, also that of a GET:
 * the GET of a consumer instance moves the position that a proxy keeps, so a second one would skip records.
 *
 * Idle connections do not keep a process alive. Needs Node 22.19 or newer, as undici 8 does.
 *
 * @throws TypeError where an option is wrong or unknown.
 * @example
 * ```ts
 * import { createCache } from 'kedge'
 * import { gateway } from 'kedge/adapters/gateway'
 * import { undici } from 'kedge/adapters/undici'
 *
 * const transport = undici({ connections: 16 })
 * const kafka = gateway({ url: 'http://localhost:8082', fetch: transport.fetch })
 * const cache = createCache({ kafka })
 *
 * await cache.close()
 * await transport.close()
 * ```
 */
export function undici(options: UndiciOptions = {}): UndiciTransport {
  check(shape, options, 'undici')
  const { connections = 32, maxQueue = 1000, runtime = systemRuntime(), tls = {} } = options
  const ms = (option: TimeOption, otherwise: Duration) =>
    longerThanNothing(options[option] ?? otherwise, option)
  const closeMs = ms('closeTimeout', '5s')
  const lines = new Agent({
    connections,
    maxQueue,
    queueMs: ms('queueTimeout', '5s'),
    connectMs: ms('connectTimeout', '3s'),
    headersMs: ms('headersTimeout', '60s'),
    bodyMs: ms('bodyTimeout', '10s'),
    keepAliveMs: ms('keepAlive', '20s'),
    tls,
    runtime,
  })

  async function send(plain: PlainRequest): Promise<Response> {
    const { url, method, headers, body, signal, redirect } = plain
    signal?.throwIfAborted()
    const line = lines.to(url.origin)
    const connection = await line.take(signal)
    lines.begin()
    const exchange = new Exchange({
      hasBody: method !== 'HEAD',
      signal,
      onHead: (keepAlive) => connection.heard(keepAlive),
      onEnd: () => {
        line.give(connection)
        lines.end()
      },
    })
    const path = `${url.pathname}${url.search}`
    try {
      connection.dispatch({ path, method, headers, body }, exchange)
    } catch (error) {
      exchange.onResponseError(undefined, error as Error)
    }
    const response = await exchange.response
    if (redirect !== 'error' || response.status < 300 || response.status > 399) return response
    await response.body?.cancel()
    throw new TypeError('fetch failed', { cause: new Error('a redirect') })
  }

  let closing: Promise<void> | undefined
  return {
    fetch: async (input, init) => send(await plainRequestOf(input, init)),
    close() {
      return (closing ??= lines.close(closeMs))
    },
  }
}

type TimeOption = {
  [K in keyof UndiciOptions]-?: UndiciOptions[K] extends Duration | undefined ? K : never
}[keyof UndiciOptions]
