/** The port to Redis: commands in, replies out, in one round trip to each node. @module */

/** Text goes as UTF-8. */
export type RedisArgument = string | Uint8Array

export interface RedisCommand {
  /** Decides which node of a cluster gets it. */
  readonly key: string
  /** The command's name first. */
  readonly args: readonly RedisArgument[]
}

/** An error that the server answers instead of a reply: `WRONGTYPE Operation against a key …`. */
export class RedisFailure {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** Bulk strings are bytes; text is a status, `OK`. */
export type RedisReply = null | number | string | Uint8Array | RedisFailure | readonly RedisReply[]

export interface PipelineOptions {
  /** Ends the wait; Redis may still run the commands. */
  readonly signal: AbortSignal
}

/** A way to Redis: `ioredis()`, `nodeRedis()` and `upstashRedis()` make one. */
export interface RedisConnection {
  /** For messages and statistics: `'redis'`. */
  readonly name: string
  /** Whether keys are spread over nodes by their slots. */
  readonly cluster: boolean
  /** Whether arguments can be any bytes. Where they cannot, they are text in UTF-8. */
  readonly binary: boolean
  /** The most that one request carries, in bytes. A larger command goes alone. */
  readonly maxPipelineBytes: number
  /**
   * Sends all commands before it waits, and resolves with a reply for each, in their order: a command that failed has
   * a {@link RedisFailure} in its place. Commands of one slot are carried out in their order, not as a unit.
   *
   * @throws KedgeError when there is no answer; `signal.reason`.
   */
  pipeline(commands: readonly RedisCommand[], options: PipelineOptions): Promise<readonly RedisReply[]>
}
