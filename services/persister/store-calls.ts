/**
 * Calls the stores: the writes of a key one after the other, different keys concurrently, each retried until
 * the store takes it or its retries are used up.
 *
 * @module
 */
import QuickLRU from 'quick-lru'
import { encodeUtf8, pack } from '../../src/wire/codec.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { isKedgeError, KedgeError } from '../../src/ports/errors.ts'
import { updateRecordKey } from '../../src/wire/record-key.ts'
import { NAMESPACE_PATTERN } from '../../src/wire/ids.ts'
import { partitionOf } from '../../src/wire/partitioner.ts'
import { produce } from '../../src/write/produce.ts'
import type { WriterContext } from '../../src/write/writer.ts'
import { pauseMs, retry } from '../../src/runtime/retry.ts'
import { Semaphore } from '../../src/runtime/semaphore.ts'
import type { WriteMessage } from '../../src/wire/write-message.ts'
import type { Taken } from './write-consumer.ts'
import type { PersisterSettings } from './options.ts'
import type { PersistResult, PersistWrites, StoredWrite } from './types.ts'

const MAX_PAUSE_MS = 10_000
/** Keys in one closing eviction. */
const KEYS_PER_EVICTION = 100
/** How many ids of persisted writes are remembered at least: the same write may stand in the log twice. */
const MAX_REMEMBERED = 10_000
const MAX_REASON_LENGTH = 300
/** How long after its time-out a call of a store keeps its slot, at the latest. */
const LEASE_MARGIN_MS = 1000

export class StoreCalls {
  readonly #context: WriterContext
  readonly #own: PersisterSettings
  readonly #persisted = new QuickLRU<string, true>({ maxSize: MAX_REMEMBERED })
  readonly #slots: Semaphore

  constructor(context: WriterContext, own: PersisterSettings) {
    this.#context = context
    this.#own = own
    const { settings, clock } = context.shared
    this.#slots = new Semaphore(own.concurrency, settings.runtime, clock)
  }

  /**
   * Persists the writes, or writes them to the dead letters. Rejects where the log fails, or by the signal.
   */
  async persist(taken: readonly Taken[], signal: AbortSignal): Promise<PersistResult> {
    const count = { persisted: 0, repeated: 0, dead: 0 }
    const spaces = new Map<string, StoredWrite[]>()
    const met = new Set<string>()
    for (const { record, write } of taken) {
      const { partition, offset } = record
      if (write === undefined) {
        await this.#bury(undefined, { partition, offset }, 'it is no write', 0, signal)
        count.dead++
      } else if (this.#persisted.has(write.id) || met.has(write.id)) {
        count.repeated++
      } else {
        met.add(write.id)
        const { key, value, id, at, ns } = write
        const stored = { key, value, deleted: write.deleted === true, id, at, partition, offset }
        spaces.set(ns, [...(spaces.get(ns) ?? []), stored])
      }
    }
    const work = [...spaces].map(async ([namespace, writes]) => {
      const dead = await this.#namespace(namespace, writes, signal)
      count.dead += dead
      count.persisted += writes.length - dead
    })
    // The persister waits until every namespace has ended, also when one has failed.
    for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
    return count
  }

  /** Persists the writes of a namespace. Returns how many went to the dead letters. */
  async #namespace(namespace: string, writes: readonly StoredWrite[], signal: AbortSignal): Promise<number> {
    const { stores, maxBatch, emit } = this.#own
    const { runtime } = this.#context.shared.settings
    const store = stores.get(namespace)
    let dead = 0
    for (let left = writes; left.length > 0;) {
      const [wave, later] = firstOfEach(left)
      const batches = Array.from({ length: Math.ceil(wave.length / maxBatch) }, (_, at) =>
        wave.slice(at * maxBatch, (at + 1) * maxBatch),
      )
      let refused = 0
      const since = runtime.monotonic()
      const calls = batches.map((batch) => this.#batch(namespace, store, batch, signal))
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === 'rejected') throw result.reason
        refused += result.value
      }
      dead += refused
      const durationMs = Math.max(0, runtime.monotonic() - since)
      await this.#close(namespace, wave, signal)
      for (const { id } of wave) this.#persisted.set(id, true)
      if (wave.length > refused)
        emit({ type: 'persisted', namespace, writes: wave.length - refused, durationMs })
      left = later
    }
    return dead
  }

  async #batch(
    namespace: string,
    store: PersistWrites | undefined,
    writes: readonly StoredWrite[],
    signal: AbortSignal,
  ): Promise<number> {
    let dead = 0
    if (store && writes.length > 1) {
      try {
        await this.#call(namespace, store, writes, signal)
        return 0
      } catch {
        signal.throwIfAborted()
      }
    }
    const each = writes.map(async (write) => {
      if (!(await this.#one(namespace, store, write, signal))) dead++
    })
    for (const result of await Promise.allSettled(each)) if (result.status === 'rejected') throw result.reason
    return dead
  }

  /** Tries one write until its retries are used up. Returns whether the store took it. */
  async #one(
    namespace: string,
    store: PersistWrites | undefined,
    write: StoredWrite,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { retries, backoffMs } = this.#own
    const { runtime } = this.#context.shared.settings
    const bury = (reason: string, tries: number) =>
      this.#bury({ ns: namespace, write }, write, reason, tries, signal)
    if (store === undefined) {
      await bury('no store for its namespace', 0)
      return false
    }
    const pauseAfter = (error: unknown, failures: number) => {
      if (failures >= retries) throw error
      return pauseMs({ firstMs: backoffMs, maxMs: MAX_PAUSE_MS }, failures, error, runtime.random())
    }
    try {
      await retry(runtime, () => this.#call(namespace, store, [write], signal), pauseAfter, signal)
      return true
    } catch (error) {
      signal.throwIfAborted()
      await bury(String(error).slice(0, MAX_REASON_LENGTH), retries + 1)
      return false
    }
  }

  /** Calls a store once, when a slot is free. Rejects as the store does, or with `signal.reason`. */
  async #call(
    namespace: string,
    store: PersistWrites,
    writes: readonly StoredWrite[],
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime } = this.#context.shared.settings
    // A slot is a lease: on Workers the request that holds it may vanish.
    const free = await this.#slots.take(this.#own.storeTimeoutMs + LEASE_MARGIN_MS, signal)
    try {
      const task = async (inner: AbortSignal) => store(writes, { signal: inner })
      await withDeadline(runtime, this.#own.storeTimeoutMs, storeTimeout, task, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#own.emit({ type: 'persist_failed', namespace, error })
      throw error
    } finally {
      free()
    }
  }

  /** Publishes that the source has the writes: isolates read the source again, not the log. */
  async #close(namespace: string, writes: readonly StoredWrite[], signal: AbortSignal): Promise<void> {
    const { publisher, shared } = this.#context
    const partition = partitionOf(encodeUtf8(namespace), shared.settings.evictionPartitions)
    const bodies = []
    for (let from = 0; from < writes.length; from += KEYS_PER_EVICTION) {
      const part = writes.slice(from, from + KEYS_PER_EVICTION)
      bodies.push({ keys: part.map(({ key }) => key), closes: part.map(({ id }) => id) })
    }
    await publisher.evict(namespace, partition, bodies, signal)
  }

  /** Writes a dead letter with the whole write, so that an operator can write it again. */
  async #bury(
    dead: { readonly ns: string; readonly write: StoredWrite } | undefined,
    { partition, offset }: { readonly partition: number; readonly offset: number },
    reason: string,
    tries: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { settings } = this.#context.shared
    const namespace = dead?.ns
    const write: WriteMessage | undefined = dead && messageOf(dead.ns, dead.write)
    const key = dead ? encodeUtf8(updateRecordKey(dead.ns, dead.write.key)) : null
    const send = async (what: object): Promise<void> => {
      const value = await pack({ v: 1, op: 'dead', reason, tries, partition, offset, ...what }, settings)
      await produce(settings, this.#own.deadLettersTopic, [{ key, value }], signal)
    }
    try {
      await send({ write })
    } catch (error) {
      if (write === undefined || !isTooLarge(error)) throw error
      // The write just fitted into a record, and a letter is larger. The topic of writes still has its value,
      // for its retention; a retry would block the partition for ever.
      const { value, ...rest } = write
      await send({ write: rest, omittedBytes: settings.codec.encode(value).length })
    }
    const known = namespace !== undefined && NAMESPACE_PATTERN.test(namespace) ? namespace : undefined
    this.#own.emit({ type: 'dead_letter', namespace: known, partition, offset, reason })
  }
}

/** Splits the writes into the first of each key and the rest. */
function firstOfEach(writes: readonly StoredWrite[]): [StoredWrite[], StoredWrite[]] {
  const keys = new Set<string>()
  const later: StoredWrite[] = []
  const first = writes.filter((write) => {
    if (!keys.has(write.key)) return keys.add(write.key)
    later.push(write)
    return false
  })
  return [first, later]
}

const messageOf = (ns: string, { key, value, deleted, id, at }: StoredWrite): WriteMessage => ({
  v: 1,
  op: 'write',
  ns,
  key,
  ...(deleted ? { deleted: true as const } : { value }),
  id,
  at,
})

/** Whether the record is too large, for the cache or for the broker. */
function isTooLarge(error: unknown): boolean {
  return isKedgeError(error) && (error.code === 'ERR_TOO_LARGE' || isTooLarge(error.cause))
}

const storeTimeout = () =>
  new KedgeError('ERR_STORE_TIMEOUT', 'the store ran longer than `storeTimeout`', { retryable: true })
