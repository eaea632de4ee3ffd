/** One connection to a server, and its unanswered requests. @module */
import { onAbort } from '../../../src/runtime/abort.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { MemcachedSession } from './connection.ts'
import { failureError, silence } from './failure.ts'
import { encodeRequests, MetaFailure, type MetaReply, type MetaRequest, sizeOf } from './meta.ts'
import { ReplyReader } from './reply-reader.ts'

/** The members of a Node socket that a session uses. */
export interface MemcachedSocket {
  readonly destroyed: boolean
  write(bytes: Uint8Array): unknown
  on(event: string, listener: (chunk: Uint8Array) => void): unknown
  removeAllListeners(event: string): unknown
  destroy(): unknown
}

export interface SessionLimits {
  /** Requests without an answer at once, for each server. @default 20_000 */
  readonly maxRequests?: number
  /** Their bytes. @default 64_000_000 */
  readonly maxBytes?: number
  /** The largest value that is read; a larger one counts as none. @default 16_000_000 */
  readonly maxValueBytes?: number
}

/** A call and the number of its replies. Memcached answers in the order of the requests. */
interface Asked {
  readonly count: number
  readonly bytes: number
  readonly replies: (MetaReply | MetaFailure)[]
  readonly settle: (error?: KedgeError) => void
}

export class Session implements MemcachedSession {
  readonly #id: string
  readonly #socket: MemcachedSocket
  readonly #limits: Required<SessionLimits>
  readonly #asked: Asked[] = []
  #requests = 0
  #bytes = 0
  #broken: KedgeError | undefined

  constructor(id: string, socket: MemcachedSocket, limits: SessionLimits) {
    this.#id = id
    this.#socket = socket
    this.#limits = {
      maxRequests: limits.maxRequests ?? 20_000,
      maxBytes: limits.maxBytes ?? 64_000_000,
      maxValueBytes: limits.maxValueBytes ?? 16_000_000,
    }
    const reader = new ReplyReader(this.#limits.maxValueBytes, (reply) => this.#onReply(reply))
    // The client's own reader takes values for text; from here on the connection is ours (decision 72).
    socket.removeAllListeners('data')
    socket.on('data', (chunk) => {
      try {
        if (!this.#broken) reader.push(chunk)
      } catch (error) {
        this.end(error instanceof KedgeError ? error : silence(id, error))
      }
    })
    socket.on('close', () => this.end(silence(id, undefined)))
  }

  get isOpen(): boolean {
    return this.#broken === undefined && !this.#socket.destroyed
  }

  exchange(
    requests: readonly MetaRequest[],
    signal: AbortSignal,
  ): Promise<readonly (MetaReply | MetaFailure)[]> {
    if (requests.length === 0) return Promise.resolve([])
    const bytes = requests.reduce((sum, request) => sum + sizeOf(request), 0)
    return this.send(requests.length, bytes, () => encodeRequests(requests), signal)
  }

  /** Sends bytes that are answered by `count` replies. */
  async send(
    count: number,
    bytes: number,
    encode: () => Uint8Array,
    signal: AbortSignal,
  ): Promise<readonly (MetaReply | MetaFailure)[]> {
    signal.throwIfAborted()
    if (!this.isOpen) throw this.#broken ?? silence(this.#id, undefined)
    const { maxRequests, maxBytes } = this.#limits
    // A call that is alone always passes: the limit must not make a single large value impossible.
    if (this.#requests > 0 && (this.#requests + count > maxRequests || this.#bytes + bytes > maxBytes)) {
      const text = `Memcached at ${this.#id} has ${this.#requests} unanswered requests: kedge sends no more until it answers`
      throw new KedgeError('ERR_OVERLOADED', text, { retryable: true })
    }
    this.#requests += count
    this.#bytes += bytes
    return new Promise((resolve, reject) => {
      // A caller that leaves does not end the connection for the others; a server that lets a deadline pass does.
      const giveUp = (reason: unknown) => {
        reject(reason)
        if (reason instanceof KedgeError) this.end(silence(this.#id, reason))
      }
      const off = onAbort(signal, giveUp)
      const asked: Asked = {
        count,
        bytes,
        replies: [],
        settle: (error) => {
          off()
          if (error) reject(error)
          else resolve(asked.replies)
        },
      }
      this.#asked.push(asked)
      this.#socket.write(encode())
    })
  }

  /** Ends the connection: waiting calls reject with `error`, and no further request is sent over it. */
  end(error: KedgeError): void {
    if (this.#broken) return
    this.#broken = error
    for (const asked of this.#asked.splice(0)) asked.settle(error)
    this.#socket.destroy()
  }

  #onReply(reply: MetaReply | MetaFailure): void {
    const [asked] = this.#asked
    // Memcached sends an unasked line that says why it closes a connection.
    if (!asked)
      return this.end(reply instanceof MetaFailure ? failureError(reply) : silence(this.#id, undefined))
    asked.replies.push(reply)
    if (asked.replies.length === asked.count) {
      this.#asked.shift()
      this.#requests -= asked.count
      this.#bytes -= asked.bytes
      asked.settle()
    }
    // Memcached may have read only part of a request that it refuses, and would take the rest for commands.
    if (reply instanceof MetaFailure && !reply.message.startsWith('SERVER_ERROR'))
      this.end(failureError(reply))
  }
}
