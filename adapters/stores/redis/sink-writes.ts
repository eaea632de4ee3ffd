/** Writes of a batch, as arguments of scripts. @module */
import type { SinkOutcome, SinkWrite } from '../../../src/ports/sink.ts'
import type { TopicLayout } from '../shared/topic-sink.ts'
import { type RedisArgument, type RedisConnection, RedisFailure, type RedisReply } from './connection.ts'
import { serverError } from './failure.ts'
import { listOf, textOf } from './reply.ts'
import { bytesArgument } from './lua-script.ts'
import { tagOf } from './slot.ts'
import { leftOf } from '../shared/stopwatch.ts'
import { printable } from '../../kafka/rest/problem.ts'

/** Bytes of values in one call of a script. */
const MAX_CALL_BYTES = 1_000_000
/** Redis' own bound of a string: `proto-max-bulk-len`. */
const MAX_VALUE_BYTES = 536_870_912
/** Values with a longer time to live never expire: Redis would overflow. */
const MAX_TTL_MS = 1e14

/** A write as a script takes it. */
interface Item {
  readonly index: number
  readonly keys: readonly [key: string, companion: string]
  /** As of now: a life goes on while its write waits. */
  readonly args: () => readonly RedisArgument[]
  readonly bytes: number
}

/** One call of a script. */
export interface Prepared {
  readonly bytes: number
  readonly keys: readonly string[]
  /** As of now. */
  readonly args: () => readonly RedisArgument[]
  /**
   * Counts what the script says. `false` where it says that the state is gone.
   * @throws KedgeError where it failed.
   */
  take(reply: RedisReply | undefined): boolean
}

/** The writes of a batch, and their results so far. */
export class SinkWrites {
  readonly #maxBytes: number
  readonly #items: Item[] = []
  readonly #refused: { readonly index: number; readonly reason: string }[] = []
  #written = 0
  #superseded = 0

  /** @param passed milliseconds since the call was made */
  constructor(
    connection: RedisConnection,
    writes: readonly SinkWrite[],
    layout: TopicLayout,
    passed: () => number,
  ) {
    this.#maxBytes = Math.min(MAX_CALL_BYTES, connection.maxPipelineBytes)
    for (const [index, write] of writes.entries()) {
      const reason = unfit(write, layout.prefix)
      if (reason === undefined) this.#items.push(itemOf(connection, write, index, layout, passed))
      else this.#refused.push({ index, reason })
    }
  }

  outcome(outcome: SinkOutcome['outcome']): SinkOutcome {
    const refused = [...this.#refused].sort((one, other) => one.index - other.index)
    return { outcome, written: this.#written, superseded: this.#superseded, refused }
  }

  /** In calls of at most `most` writes, bounded in bytes; a larger one has a call of its own. */
  calls(most: number): Prepared[] {
    const found: Prepared[] = []
    let group: Item[] = []
    let bytes = 0
    const close = () => {
      if (group.length > 0) found.push(this.#call(group))
      group = []
      bytes = 0
    }
    for (const item of this.#items) {
      if (group.length >= most || bytes + item.bytes > this.#maxBytes) close()
      group.push(item)
      bytes += item.bytes
    }
    close()
    return found
  }

  /** Whether the state was found as it must be. @throws KedgeError where the script failed. */
  isThere(reply: RedisReply | undefined): boolean {
    if (reply instanceof RedisFailure) throw serverError(reply.message, 'writing')
    return listOf(reply).length > 0
  }

  #call(items: readonly Item[]): Prepared {
    return {
      bytes: items.reduce((sum, item) => sum + item.bytes, 0),
      keys: items.flatMap(({ keys }) => keys),
      args: () => items.flatMap(({ args }) => args()),
      take: (reply) => {
        if (reply instanceof RedisFailure && items.length === 1 && isTooLarge(reply)) {
          this.#refused.push({ index: items[0]?.index ?? 0, reason: printable(reply.message) })
          return true
        }
        return this.isThere(reply) && this.#count(items, listOf(reply))
      },
    }
  }

  #count(items: readonly Item[], [written, superseded, ...refused]: readonly RedisReply[]): boolean {
    if (typeof written !== 'number' || typeof superseded !== 'number') return false
    this.#written += written
    this.#superseded += superseded
    for (let at = 0; at + 1 < refused.length; at += 2) {
      const index = items[Number(refused[at])]?.index
      const reason = printable(textOf(refused[at + 1]) ?? 'refused')
      if (index !== undefined) this.#refused.push({ index, reason })
    }
    return true
  }
}

const isTooLarge = ({ message }: RedisFailure): boolean =>
  serverError(message, 'writing').code === 'ERR_TOO_LARGE'

function unfit({ key, value, version }: SinkWrite, prefix: string): string | undefined {
  if (key.startsWith(prefix)) return `keys that begin with \`${prefix}\` are kedge's own`
  if (/\p{Surrogate}/u.test(key)) return 'the key is not well-formed text'
  if (value !== null && value.length > MAX_VALUE_BYTES)
    return `the value is larger than ${MAX_VALUE_BYTES} bytes`
  if (!version.every(Number.isFinite)) return 'the version is not a number'
  return undefined
}

function itemOf(
  connection: RedisConnection,
  { key, value, version: [major, minor], ttlMs }: SinkWrite,
  index: number,
  { prefix, tombstoneMs }: TopicLayout,
  passed: () => number,
): Item {
  const [flag, text] = value === null ? ['x', ''] : bytesArgument(connection, value)
  const args = () => {
    const left = leftOf(ttlMs, passed())
    const ttl = left === undefined || left > MAX_TTL_MS ? undefined : Math.ceil(left)
    // A value without time left is a delete.
    if (value === null || (ttl !== undefined && ttl <= 0))
      return ['x', '', String(major), String(minor), '', String(tombstoneMs)]
    return [
      flag,
      text,
      String(major),
      String(minor),
      ttl === undefined ? '' : String(ttl),
      String(tombstoneMs + (ttl ?? 0)),
    ]
  }
  return {
    index,
    keys: [key, `${prefix}v:{${tagOf(key)}}:${key}`],
    args,
    bytes: text.length + 2 * key.length,
  }
}
