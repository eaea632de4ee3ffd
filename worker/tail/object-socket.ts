/** A socket from a Durable Object to a gateway. @module */
import { callback } from '../../adapters/option-tests.ts'
import { check } from '../../adapters/options.ts'
import { TAIL_PROTOCOL } from '../../adapters/sharing/tail/protocol.ts'
import type { WebSocketLike } from '../../adapters/sharing/tail/socket-link.ts'
import { type SocketAddress, socketsBy, type TailSocketStats } from '../../adapters/sharing/tail/sockets.ts'
import type { TailSocket } from '../../adapters/sharing/tail.ts'
import type { Options } from '../../src/api/option-check.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'

export interface ObjectSocketOptions {
  /** Opens the socket: its answer has a `webSocket`. @default the platform's `fetch`, looked up at each call */
  readonly fetch?: typeof fetch
}

/** The end of a socket that an answer of Cloudflare's `fetch` has. It is silent until it is accepted. */
interface AnsweredSocket extends WebSocketLike {
  accept(): void
}

const shape: Options = { fetch: callback }
/** How long the gateway may take to answer. */
const CONNECT_MS = 5000
/** An object that holds a socket stays in memory, and is billed for that: one that no isolate asks lets go soon. */
const LINGER_MS = 10_000
const NORMAL = 1000

/**
 * Has the log of a {@link TailObject} follow a kedge gateway by a WebSocket while isolates ask the object: the gateway sends what
 * is new, and proofs of freshness, and in calm the object sends it no request. It opens the socket by `fetch`, with the headers
 * and the credentials of `tail()`, and closes it ten seconds after the last question that could be answered by it. Where the
 * socket is away the object asks the gateway by requests.
 *
 * For Durable Objects alone: elsewhere on Cloudflare a socket ends with the request that opened it, and the gateway is asked.
 *
 * @throws TypeError where an option is wrong or unknown
 * @example
 * ```ts
 * import { gateway } from 'kedge/adapters/gateway'
 * import { tail } from 'kedge/adapters/tail'
 * import { objectSocket, TailObject } from 'kedge/worker/tail'
 *
 * export class KedgeTail extends TailObject<{ KAFKA_REST_URL: string; KAFKA_TOKEN: string }> {
 *   override log() {
 *     const [url, auth] = [this.env.KAFKA_REST_URL, { token: this.env.KAFKA_TOKEN }]
 *     return tail({ origin: gateway({ url, auth }), url, auth, socket: objectSocket() })
 *   }
 * }
 * ```
 */
export function objectSocket(options: ObjectSocketOptions = {}): TailSocket & { stats(): TailSocketStats } {
  check(shape, options, 'objectSocket')
  const dial = (address: SocketAddress, runtime: Runtime) => opened(address, runtime, options.fetch)
  return { ...socketsBy({ dial, updates: [], lingerMs: LINGER_MS }), outlivesRequests: true }
}

async function opened(
  { url, authorization, headers }: SocketAddress,
  runtime: Runtime,
  fetchBy: typeof fetch = globalThis.fetch,
): Promise<WebSocketLike> {
  const late = () => new KedgeError('ERR_TIMEOUT', `no socket within ${CONNECT_MS} ms`, { retryable: true })
  const socket = await withDeadline(runtime, CONNECT_MS, late, async (signal) => {
    const response = await fetchBy(url.replace(/^ws/, 'http'), {
      headers: {
        ...headers,
        ...(authorization !== undefined && { authorization }),
        upgrade: 'websocket',
        'sec-websocket-protocol': TAIL_PROTOCOL,
      },
      // It would carry the credentials to a stranger.
      redirect: 'manual',
      signal,
    })
    const { webSocket } = response as { readonly webSocket?: AnsweredSocket | null }
    if (!webSocket) {
      await response.body?.cancel()
      throw new KedgeError('ERR_HTTP', `the gateway answers ${response.status}, and opens no socket`, {
        retryable: true,
      })
    }
    if (signal.aborted) {
      // It came too late for anyone to have it.
      webSocket.accept()
      webSocket.close(NORMAL)
    }
    return webSocket
  })
  socket.accept()
  return socket
}
