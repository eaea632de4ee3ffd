/**
 * Commands that a client has taken and not answered.
 *
 * Both clients queue without a bound while they have no connection, and while a hung server keeps a
 * connection open. The commands of a call that gave up stay in that queue, so this module counts every
 * command until it settles.
 *
 * @module
 */
import { KedgeError } from '../../../src/ports/errors.ts'
import { clientError, isServerMessage } from './failure.ts'
import { type RedisCommand, RedisFailure, type RedisReply } from './connection.ts'

export interface InFlightLimits {
  /** Commands without an answer at once. @default 20_000 */
  readonly maxCommands?: number
  /** Their bytes. @default 64_000_000 */
  readonly maxBytes?: number
}

export class InFlight {
  #commands = 0
  #bytes = 0
  readonly #maxCommands: number
  readonly #maxBytes: number

  constructor({ maxCommands = 20_000, maxBytes = 64_000_000 }: InFlightLimits) {
    this.#maxCommands = maxCommands
    this.#maxBytes = maxBytes
  }

  /**
   * Runs `send`, which returns a promise for each command.
   * @throws KedgeError `ERR_OVERLOADED`, retryable, where too many commands wait already; `ERR_NETWORK`.
   */
  async run(
    commands: readonly RedisCommand[],
    send: () => readonly Promise<unknown>[],
  ): Promise<readonly RedisReply[]> {
    const bytes = commands.reduce((sum, command) => sum + sizeOf(command), 0)
    // A pipeline that is alone always passes: the limit must not make a single large value impossible.
    if (this.#commands > 0) {
      if (this.#commands + commands.length > this.#maxCommands || this.#bytes + bytes > this.#maxBytes) {
        const text = `Redis has ${this.#commands} unanswered commands: kedge sends no more until it answers`
        throw new KedgeError('ERR_OVERLOADED', text, { retryable: true })
      }
    }
    this.#commands += commands.length
    this.#bytes += bytes
    try {
      const outcomes = await Promise.allSettled(send())
      return outcomes.map((outcome) => {
        if (outcome.status === 'fulfilled') return replyOf(outcome.value, 0)
        const reason: unknown = outcome.reason
        if (reason instanceof Error && isServerMessage(reason.message))
          return new RedisFailure(reason.message)
        throw clientError(reason)
      })
    } finally {
      this.#commands -= commands.length
      this.#bytes -= bytes
    }
  }
}

export function sizeOf({ args }: RedisCommand): number {
  let bytes = 0
  for (const arg of args) bytes += arg.length + 16
  return bytes
}

/** Replies nest two deep in what is asked here. */
const MAX_DEPTH = 4

function replyOf(value: unknown, depth: number): RedisReply {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  if (value instanceof Uint8Array) return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Error) return new RedisFailure(value.message)
  if (Array.isArray(value) && depth < MAX_DEPTH) return value.map((item) => replyOf(item, depth + 1))
  throw new KedgeError('ERR_PROTOCOL', 'Redis sent a reply that none of the commands has')
}
