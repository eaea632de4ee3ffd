/**
 * One call that asks a loader service: its requests, and the answers as they come in.
 *
 * @module
 */
import type { ReplyConsumer, ReplyOptions } from './reply-consumer.ts'
import { pendingWrite } from '../coherence/pending-writes.ts'
import { candidateOf } from '../coherence/admission.ts'
import { encodeUtf8, pack } from '../wire/codec.ts'
import type { DecodedRecord } from '../coherence/apply-eviction.ts'
import { KedgeError } from '../ports/errors.ts'
import type { UnansweredReason } from '../api/events.ts'
import type { LoadRequest, Flight, Outcome } from '../read/flight.ts'
import type { Follower } from '../coherence/follower.ts'
import type { CacheContext } from '../coherence/cache-context.ts'
import type { CoherentStore } from '../coherence/coherent-store.ts'
import { keepMsOf, tagsOf, windowsOf } from '../coherence/ttl-and-tags.ts'
import type { NewRecord } from '../ports/kafka-log.ts'
import { readUpdate } from '../wire/read-update.ts'
import { updateRecordKey } from '../wire/record-key.ts'
import type { Arrived } from '../wire/read-update.ts'
import type { RequestMessage } from '../wire/messages.ts'
import { partitionOf } from '../wire/partitioner.ts'

/** Keys that one call asks for; those beyond it loads by itself. */
const MAX_KEYS = 1000
/** Records in one produce call. */
const RECORDS_PER_CALL = 100
/** Answers that wait to be judged, beside one for each key; those beyond are left out, and their keys loaded here. */
const MORE_ARRIVED = 100
export class PendingRequest<T> {
  /** Why it ends, if it ends now. */
  because: UnansweredReason = 'failed'
  readonly #space: CoherentStore<T>
  readonly #demand: LoadRequest<T>
  readonly #shared: CacheContext
  readonly #follower: Follower
  readonly #open: Map<string, Flight<T>>
  /** What has arrived and is not judged yet. */
  readonly #arrived: { readonly key: string; readonly decoded: DecodedRecord }[] = []
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => undefined
  #close: () => void = () => undefined

  constructor(
    space: CoherentStore<T>,
    flights: ReadonlyMap<string, Flight<T>>,
    demand: LoadRequest<T>,
    shared: CacheContext,
    follower: Follower,
  ) {
    this.#space = space
    // Skip keys with an open write intent: the loader service would not publish them.
    const answerable = [...flights].filter(([key]) => !space.pending(key))
    this.#open = new Map(answerable.slice(0, MAX_KEYS))
    this.#demand = demand
    this.#shared = shared
    this.#follower = follower
  }

  /** Resolves when every key is answered. */
  async run(answers: ReplyConsumer, until: number, signal: AbortSignal): Promise<void> {
    const { partition } = this.#space
    const { scope } = this.#demand
    // Before the first contact there is nothing to judge an answer by.
    this.because = 'unreachable'
    if (!(await this.#follower.reach(() => partition.hasPosition, scope, signal)))
      throw new KedgeError('ERR_UNREACHABLE', 'the evictions topic did not answer', { retryable: true })
    this.because = 'failed'
    const listening = answers.open(scope)
    this.#close = () => listening.close()
    const ears = [...this.#open.keys()].map((key) => this.#ear(key))
    const ends = await listening.listen(ears, signal)
    await this.#publish(ears, ends, until, signal)
    this.because = 'timeout'
    await this.#gather(signal)
  }

  /** Stops listening. An answer that is still being judged comes too late. */
  end(): void {
    this.#close()
    this.#open.clear()
  }

  #ear(key: string): ReplyOptions {
    const recordKey = updateRecordKey(this.#space.name, key)
    const partition = partitionOf(encodeUtf8(recordKey), this.#shared.settings.updatePartitions)
    const take = (decoded: DecodedRecord): void => {
      if (this.#arrived.length < this.#open.size + MORE_ARRIVED) this.#arrived.push({ key, decoded })
      this.#wake()
    }
    const fail = (error: unknown): void => {
      this.#failure ??= { error }
      this.#wake()
    }
    return { partition, recordKey, listener: { take, fail } }
  }

  /** Once, and without repetitions: loading here is the repetition. */
  async #publish(
    ears: readonly ReplyOptions[],
    ends: readonly number[],
    until: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { settings, clock } = this.#shared
    const { name: ns, partition } = this.#space
    const deadline = settings.runtime.now() + Math.max(0, until - clock.now())
    const asOf = Math.max(partition.asOf, this.#demand.required)
    const keys = [...this.#open.keys()]
    const records = await Promise.all(
      ears.map(async ({ recordKey }, at): Promise<NewRecord> => {
        const place = { ns, key: keys[at]!, deadline, end: ends[at]!, asOf, log: partition.logId }
        const message: RequestMessage = { v: 1, op: 'load', ...place }
        const key = encodeUtf8(recordKey)
        const value = await pack(message, settings)
        return { key, value, partition: partitionOf(key, settings.requestPartitions) }
      }),
    )
    const { emit, log, requestsTopic: topic } = settings
    const since = clock.now()
    try {
      for (let from = 0; from < records.length; from += RECORDS_PER_CALL)
        await log.produce(topic, records.slice(from, from + RECORDS_PER_CALL), { signal })
    } catch (error) {
      const durationMs = Math.max(0, clock.now() - since)
      if (!signal.aborted) emit?.({ type: 'publish_failed', topic, error, durationMs })
      throw error
    }
  }

  /** Judges what arrives until nothing is open. */
  async #gather(signal: AbortSignal): Promise<void> {
    while (this.#open.size > 0) {
      const next = this.#arrived.shift()
      if (next) await this.#judge(next.key, next.decoded, signal)
      else if (this.#failure) {
        this.because = 'failed'
        throw this.#failure.error
      } else await new Promise<void>((resolve) => (this.#wake = resolve))
      signal.throwIfAborted()
    }
  }

  async #judge(key: string, decoded: DecodedRecord, signal: AbortSignal): Promise<void> {
    const { name } = this.#space
    const { message, recordKey, error } = decoded
    const arrived =
      error === undefined &&
      readUpdate(
        message,
        recordKey,
        (each) => each === name,
        () => Infinity,
      )
    // An update without an as-of is no answer, and neither is one that only says to drop what was held.
    if (!arrived || arrived.asOf === undefined || arrived.key !== key || arrived.namespace !== name) return
    if (arrived.kind === 'drop' && !arrived.none) return
    if (!(await this.#proves(arrived.asOf, signal))) return
    const flight = this.#open.get(key)
    // An eviction of the key may be in the log unacknowledged: this answer may be older than it.
    if (flight === undefined || flight.invalidated) return
    const outcome = this.#attempt(arrived, decoded)
    if (outcome === undefined) return
    this.#open.delete(key)
    flight.settle(outcome)
  }

  /** Whether all evictions since the answer's as-of are known, but for those of the last `maxStaleness`. */
  async #proves(asOf: number, signal: AbortSignal): Promise<boolean> {
    const { clock, settings } = this.#shared
    const { partition } = this.#space
    const { required, scope } = this.#demand
    const passed = () => Math.max(asOf, partition.position) >= required && asOf <= partition.asOf
    const proved = () => clock.now() - partition.freshAt < settings.maxStalenessMs && passed()
    if (proved()) return true
    // A poll that stops before what it cannot read proves nothing, but has seen how far the log reaches.
    return ((await this.#follower.sync(scope, signal)) && passed()) || proved()
  }

  /** The namespace's own functions (`tags`, `schema`, `sizeOf`) may stumble over a stranger's value. */
  #attempt(arrived: Arrived, { record }: DecodedRecord): Outcome<T> | undefined {
    try {
      return this.#outcome(arrived, record.timestamp)
    } catch {
      return undefined
    }
  }

  /** What the caller gets of it; `undefined` where it is of no use. */
  #outcome(arrived: Arrived, timestamp: number | undefined): Outcome<T> | undefined {
    const space = this.#space
    const { partition } = space
    const now = this.#shared.clock.now()
    const { logId, key } = arrived
    if (logId !== undefined && partition.logId !== undefined && logId !== partition.logId) return undefined
    if (arrived.kind === 'drop') {
      const asOf = arrived.asOf!
      // A write of the key waits to be persisted: the loader service has read the source without it.
      if (pendingWrite(space.intents, key)) return undefined
      if (!space.joinable(key, asOf, this.#began(arrived, timestamp))) return undefined
      space.dropBefore(key, asOf + 1)
      return { value: undefined, stored: false, loadedAt: now, ttlMs: 0 }
    }
    const asks = candidateOf(this.#shared, space, arrived, { writtenAt: timestamp })
    if (typeof asks === 'string') return undefined
    const { load } = this.#demand
    const place = space.place(key)
    const tags = arrived.tags ?? tagsOf(asks.value, load, place)
    const windows = windowsOf(asks.value, load, place)
    // A value past its TTL is no answer, even within its windows: the reader would serve it as fresh.
    const keepMs = now < asks.loadedAt + asks.ttlMs ? keepMsOf(windows ?? load) : 0
    const candidate = { ...asks, tags, keepMs, windows }
    const refused = space.hold(key, candidate)
    // This isolate already holds a newer value.
    const held = refused === 'superseded' ? space.current(key) : undefined
    if (held !== undefined && now < held.freshUntil) {
      const { value, loadedAt, freshUntil } = held
      return { value, stored: true, loadedAt, ttlMs: freshUntil - loadedAt }
    }
    if (refused !== undefined && refused !== 'size') return undefined
    const { value, loadedAt, ttlMs } = candidate
    return { value, stored: refused === undefined, loadedAt, ttlMs }
  }

  /** When its load began, on the clock of this cache. */
  #began({ at }: Arrived, timestamp: number | undefined): number {
    const { settings, clock } = this.#shared
    const wall = settings.runtime.now()
    return clock.now() - Math.max(0, wall - Math.min(at ?? wall, timestamp ?? wall))
  }
}
