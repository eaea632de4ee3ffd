/**
 * Reads of keys whose last write waits to be persisted: the source does not have it yet, the log does.
 *
 * @module
 */
import { checkedBy } from '../api/schema.ts'
import { applyRecord } from '../coherence/apply-eviction.ts'
import { consume } from '../runtime/consumer.ts'
import type { Fetch } from '../runtime/consumer.ts'
import { KedgeError } from '../ports/errors.ts'
import type { Call } from '../api/feature.ts'
import type { Candidate } from '../coherence/candidate.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { pendingWrite } from '../coherence/pending-writes.ts'
import type { PendingWrite } from '../coherence/pending-writes.ts'
import { asked, tagsOf, ttlOf } from '../coherence/ttl-and-tags.ts'
import { readWrite } from '../wire/write-message.ts'

/** The answer asked for at first; a record that is larger is asked for again. */
const FIRST_BYTES = 65_536

export class PendingWrites<T> {
  readonly #space: CoherentStore<T>
  readonly #shared: CacheContext

  constructor(space: CoherentStore<T>, shared: CacheContext) {
    this.#space = space
    this.#shared = shared
  }

  /** The call, but for keys whose last write waits: they are read from the log. Rejects where that cannot be read. */
  before(call: Call<T>): Call<T> {
    return async (keys, context) => {
      const waiting = keys.filter((key) => pendingWrite(this.#space.intents, key) !== undefined)
      if (waiting.length === 0) return call(keys, context)
      const found = new Map<string, T>()
      const unknown: string[] = []
      await Promise.all(
        waiting.map(async (key) => {
          const write = await this.#read(key, context.signal)
          if (write === undefined) unknown.push(key)
          else if (write.value !== undefined) found.set(key, write.value)
        }),
      )
      // The source is asked for a write that the log has lost, as for a key without one.
      const rest = [...keys.filter((key) => !waiting.includes(key)), ...unknown]
      if (rest.length > 0) for (const [key, value] of await call(rest, context)) found.set(key, value)
      return found
    }
  }

  /** What a read without a loader can do; `undefined` where no write of the keys waits. */
  alone(keys: readonly string[]): Call<T> | undefined {
    return keys.some((key) => pendingWrite(this.#space.intents, key))
      ? this.before(async () => new Map())
      : undefined
  }

  /** Holds the value of a write, as of its eviction. */
  hold(key: string, value: T, write: PendingWrite, loadedAt: number): void {
    const { load } = this.#space.settings
    const place = this.#space.place(key)
    const candidate: Candidate<T> = {
      value,
      asOf: write.asOf,
      generation: this.#space.partition.generation,
      loadedAt,
      ttlMs: ttlOf(value, load, 0, place),
      keepMs: 0,
      tags: tagsOf(value, load, place),
      version: undefined,
      settleMs: 0,
      isWaiting: () => pendingWrite(this.#space.intents, key)?.id === write.id,
    }
    this.#space.hold(key, candidate)
  }

  async #read(key: string, signal: AbortSignal): Promise<{ value: T | undefined } | undefined> {
    const { clock } = this.#shared
    for (;;) {
      const write = pendingWrite(this.#space.intents, key)
      if (write === undefined) return undefined
      const loadedAt = clock.now()
      const said = await this.#find(key, write, signal)
      // A later write has arrived meanwhile.
      if (!isSame(pendingWrite(this.#space.intents, key), write)) continue
      if (said === undefined) return undefined
      const { schema } = this.#space.settings
      const place = this.#space.place(key)
      const checked =
        said.deleted || !schema ? said : asked('schema', place, () => checkedBy(schema, said.value))
      if (checked === undefined) return undefined
      const value = checked.value as T | undefined
      if (value !== undefined) this.hold(key, value, write, loadedAt)
      return { value }
    }
  }

  async #find(key: string, { id, partition, offset }: PendingWrite, signal: AbortSignal) {
    const { log, writesTopic, pollTimeoutMs, maxPollBytes } = this.#shared.settings
    const source = { log, topic: writesTopic, isolation: 'uncommitted' } as const
    const attempt = (vain: number): Fetch | undefined => {
      const maxBytes = [FIRST_BYTES, maxPollBytes * 2][vain]
      return maxBytes === undefined ? undefined : { maxBytes, waitMs: pollTimeoutMs / 2 }
    }
    for await (const batch of consume(source, () => [{ partition, offset }], attempt, signal)) {
      const record = batch.records.find((each) => each.offset === offset)
      if (record !== undefined)
        return applyRecord(record, this.#shared.settings, ({ message }) => {
          const said = readWrite(message)
          return said?.id === id && said.ns === this.#space.name && said.key === key ? said : undefined
        })
      if (batch.outOfRange.length > 0 || batch.next.size > 0) return undefined
    }
    // The write may still be in the log, and the source lacks it: do not ask the source instead.
    throw new KedgeError('ERR_PROTOCOL', 'the log did not return a write that waits to be persisted', {
      retryable: true,
    })
  }
}

const isSame = (a: PendingWrite | undefined, b: PendingWrite): boolean => a?.id === b.id && a.asOf === b.asOf
