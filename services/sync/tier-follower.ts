/**
 * The applier of a shared tier: reads the evictions topic and applies it there, so that isolates may use values that
 * are older than what they remember of evictions.
 *
 * One or several appliers may run, anywhere and for any time: the position is in the tier. While none runs,
 * isolates only miss in the tier more often.
 *
 * @module
 */
import * as z from 'zod'
import { json } from '../../src/wire/codec.ts'
import type { Codec } from '../../src/wire/codec.ts'
import { decodeRecord } from '../../src/coherence/apply-eviction.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { isKedgeError, KedgeError } from '../../src/ports/errors.ts'
import type { CallOptions, KafkaLog, LogRecord, PartitionOffsets } from '../../src/ports/kafka-log.ts'
import { digestOf } from '../../src/coherence/log-identity.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { AppliedPosition, Tier, TierApplier, TierEviction } from '../../src/ports/tier.ts'
import type { Duration } from '../../src/runtime/duration.ts'
import { callback, check, count, duration, hasMethods, topicName } from './settings.ts'
import { tierEvictions } from './tier-evictions.ts'

/**
 * Why an applier began again at the end of the log: isolates then refuse the values that were in the tier.
 */
export type BeginReason =
  /** There was no position: never begun, or the store was wiped. */
  | 'start'
  /** The topic was deleted and created again. */
  | 'replaced'
  /** The log ends before the position. */
  | 'rewound'
  /** Retention has deleted records that were not applied yet. */
  | 'truncated'
  /** A record is larger than any answer. */
  | 'stalled'

export type TierFollowerEvent =
  | {
      readonly type: 'begin'
      readonly partition: number
      readonly reason: BeginReason
      readonly position: number
    }
  | {
      readonly type: 'apply'
      readonly partition: number
      readonly from: number
      readonly to: number
      readonly evictions: number
    }
  | { readonly type: 'failed'; readonly error: unknown; readonly retryInMs: number }

export interface TierFollowerOptions {
  readonly kafka: KafkaLog
  /** A tier with an applier. */
  readonly tier: Tier
  readonly topics?: {
    /** @default 'cache-evictions' */
    readonly evictions?: string
  }
  /** The partitions to follow. @default all of the topic */
  readonly partitions?: readonly number[]
  /** Reads messages in other formats than JSON. @default JSON */
  readonly codec?: Codec
  /** The largest message that is inflated. @default 1_000_000 */
  readonly maxMessageBytes?: number
  /**
   * Size of the answer that one read asks for, in bytes; grows to 16 times this for a larger record.
   * @default 1_000_000
   */
  readonly maxBytes?: number
  /** Evictions in one batch. @default 1000 */
  readonly maxRecords?: number
  /** How long one call of the log or of the tier may take. @default '10s' */
  readonly timeout?: Duration
  /** How long `follow()` waits for a record before it asks again; without long polls, how often. @default '1s' */
  readonly wait?: Duration
  readonly onEvent?: (event: TierFollowerEvent) => void
  /** Clocks, randomness, timers. @default `systemRuntime()` */
  readonly runtime?: Runtime
}

/** The result of a step. */
export interface TierStep {
  /** Offsets that were applied, gaps included. */
  readonly records: number
  /** Partitions that began again at the end. */
  readonly begun: readonly number[]
  /** Whether the tier reached the end that the log had when the step began. */
  readonly atEnd: boolean
}

export interface TierLag {
  /** Offsets between the applied position and the last known end, over all partitions. */
  readonly records: number
  /** Milliseconds since the start of the last step that ended at the end; `Infinity` before the first. */
  readonly ms: number
  /** Failed steps in a row. */
  readonly failures: number
}

/** Follows the evictions topic for a tier. */
export interface TierFollower {
  /**
   * Applies the evictions up to the end, and returns: for a cron, a queue or a Lambda. Rejects with a
   * `KedgeError`, or with `signal.reason`; evictions that were applied until then stay applied.
   */
  step(options?: CallOptions): Promise<TierStep>
  /** Steps until aborted, by long polls where the log has them; retries failures with growing pauses. */
  follow(options: { readonly signal: AbortSignal }): Promise<void>
  lag(): TierLag
}

const shape = z
  .strictObject({
    kafka: hasMethods('produce', 'offsets', 'read'),
    tier: z.custom<unknown>((tier) => (tier as Partial<Tier> | undefined)?.applier !== undefined, {
      error: 'has no applier: its store cannot keep an applied position soundly',
    }),
    topics: z.strictObject({ evictions: topicName }).partial(),
    partitions: z.array(z.int().nonnegative()).min(1),
    codec: hasMethods('encode', 'decode', 'detects'),
    maxMessageBytes: count,
    maxBytes: count,
    maxRecords: count,
    timeout: duration,
    wait: duration,
    onEvent: callback,
    runtime: hasMethods('now', 'monotonic', 'random', 'sleep', 'microtask'),
  })
  .partial()
  .required({ kafka: true, tier: true })

const FIRST_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 10_000
/** How many times `maxBytes` may double for a record that does not fit. */
const MAX_DOUBLINGS = 4
/** A log id that no log has: the tier then drops the position of the present one. */
const NO_LOG = 'kedge.begins-again'

/**
 * Makes the applier of a tier.
 *
 * @throws TypeError when the tier has no applier, or an option is wrong.
 * @example
 * ```ts
 * import { memory, memoryTier } from 'kedge/testing'
 * import { createTierFollower } from 'kedge/sync'
 *
 * const follower = createTierFollower({ kafka: memory(), tier: memoryTier() })
 * await follower.step()
 * console.log(follower.lag())
 * ```
 */
export function createTierFollower(options: TierFollowerOptions): TierFollower {
  return new EvictionsFollower(options)
}

/** The state of a partition between steps. */
interface Followed {
  position: number
  end: number
  /** The last applied record: the follower reads it again where the log has no identity. */
  last: { readonly offset: number; readonly digest: string } | undefined
  /** How many times the size of the answer has doubled. */
  doublings: number
}

class EvictionsFollower implements TierFollower {
  readonly #kafka: KafkaLog
  readonly #applier: TierApplier
  readonly #topic: string
  readonly #codec: Codec
  readonly #runtime: Runtime
  readonly #timeoutMs: number
  readonly #waitMs: number
  readonly #options: TierFollowerOptions
  readonly #followed = new Map<number, Followed>()
  #atEndSince = -Infinity
  #failures = 0

  constructor(options: TierFollowerOptions) {
    check(shape, options, 'createTierFollower')
    const {
      tier,
      kafka,
      topics,
      codec = json,
      runtime = systemRuntime(),
      timeout = '10s',
      wait = '1s',
    } = options
    this.#options = options
    this.#kafka = kafka
    this.#applier = tier.applier!
    this.#topic = topics?.evictions ?? 'cache-evictions'
    this.#codec = codec
    this.#runtime = runtime
    this.#timeoutMs = durationMs(timeout, 'timeout')
    this.#waitMs = durationMs(wait, 'wait')
    if (this.#timeoutMs === 0) throw new TypeError('`timeout` must be longer than 0: no call ends in no time')
  }

  lag(): TierLag {
    let records = 0
    for (const { position, end } of this.#followed.values()) records += Math.max(0, end - position)
    return { records, ms: this.#runtime.now() - this.#atEndSince, failures: this.#failures }
  }

  async step({ signal }: CallOptions = {}): Promise<TierStep> {
    signal?.throwIfAborted()
    const since = this.#runtime.now()
    const { partitions } = this.#options
    const bounds = await this.#within(signal, (inner) =>
      this.#kafka.offsets(this.#topic, { signal: inner, ...(partitions ? { partitions } : {}) }),
    )
    const missing = partitions?.find((id) => bounds.every(({ partition }) => partition !== id))
    if (missing !== undefined)
      throw new KedgeError('ERR_UNKNOWN_TOPIC', `partition ${missing} of ${this.#topic} does not exist`)
    const steps = await Promise.allSettled(bounds.map((bound) => this.#stepOne(bound, signal)))
    const begun: number[] = []
    let records = 0
    for (const [at, step] of steps.entries()) {
      if (step.status === 'rejected') throw step.reason
      records += step.value.records
      if (step.value.began) begun.push(bounds[at]!.partition)
    }
    const atEnd = bounds.every(({ partition, end }) => this.#followed.get(partition)!.position >= end)
    if (atEnd) this.#atEndSince = since
    return { records, begun, atEnd }
  }

  /** Applies one partition from the tier's position to the end of the log. */
  async #stepOne(
    bounds: PartitionOffsets,
    signal: AbortSignal | undefined,
  ): Promise<{ records: number; began: boolean }> {
    const { partition, end } = bounds
    const followed = this.#followed.get(partition) ?? { position: 0, end: 0, last: undefined, doublings: 0 }
    this.#followed.set(partition, followed)
    followed.end = end
    const applied = await this.#within(signal, (inner) =>
      this.#applier.position(partition, { signal: inner }),
    )
    const reason = reasonToBegin(applied, bounds)
    if (reason) return { records: 0, began: await this.#begin(bounds, applied, reason, signal) }
    followed.position = applied!.position
    if (followed.last && followed.last.offset < bounds.beginning) followed.last = undefined
    let records = 0
    while (followed.position < end) {
      const from = followed.position
      const outcome = await this.#batch(bounds, followed, signal)
      if (outcome !== 'applied')
        return { records, began: await this.#begin(bounds, applied, outcome, signal) }
      records += followed.position - from
    }
    return { records, began: false }
  }

  /** Reads from the position and applies the evictions; or returns why the follower must begin again. */
  async #batch(
    { partition, logId }: PartitionOffsets,
    followed: Followed,
    signal: AbortSignal | undefined,
  ): Promise<'applied' | BeginReason> {
    const { position: from } = followed
    const find = logId === undefined ? followed.last : undefined
    const { maxBytes = 1_000_000, maxRecords = 1000 } = this.#options
    const result = await this.#within(signal, (inner) =>
      this.#kafka.read(this.#topic, [{ partition, offset: find?.offset ?? from }], {
        maxBytes: maxBytes * 2 ** followed.doublings,
        // The end lies ahead: a consumer that still warms up may take a moment to return records.
        waitMs: Math.min(this.#waitMs, this.#timeoutMs / 2),
        // An open transaction of another producer would hide acknowledged evictions behind it.
        isolation: 'uncommitted',
        signal: inner,
      }),
    )
    if (result.outOfRange.includes(partition)) return 'truncated'
    const own = result.records.filter((record) => record.partition === partition)
    if (find && own.length > 0 && !isSame(own[0]!, find)) return 'replaced'
    const fresh = own.filter(({ offset }) => offset >= from)
    const batch = fresh.slice(0, maxRecords)
    const next = result.next.find((position) => position.partition === partition)?.offset ?? from
    const to = fresh.length > batch.length ? batch.at(-1)!.offset + 1 : next
    if (to <= from) {
      if (followed.doublings++ < MAX_DOUBLINGS) return 'applied'
      followed.doublings = 0
      return 'stalled'
    }
    followed.doublings = 0
    const evictions: TierEviction[] = []
    for (const record of batch) evictions.push(...(await this.#decode(record)))
    const outcome = await this.#within(signal, (inner) =>
      this.#applier.apply({ partition, logId, from, to, evictions }, { signal: inner }),
    )
    if (outcome === 'gap') return 'start'
    followed.position = to
    const last = batch.at(-1)
    if (last) followed.last = { offset: last.offset, digest: digestOf(last) }
    this.#emit({ type: 'apply', partition, from, to, evictions: evictions.length })
    return 'applied'
  }

  async #decode(record: LogRecord): Promise<TierEviction[]> {
    return tierEvictions(await decodeRecord(record, this.#codec, this.#options.maxMessageBytes ?? 1_000_000))
  }

  /** Begins at the end of the log: isolates then refuse the values that are in the tier already. */
  async #begin(
    { partition, end, logId }: PartitionOffsets,
    applied: AppliedPosition | undefined,
    reason: BeginReason,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const begin = (at: AppliedPosition) =>
      this.#within(signal, (inner) => this.#applier.begin(partition, at, { signal: inner }))
    // The tier would keep a position of the same log that is not lower.
    if (reason !== 'start' && applied?.logId === logId) await begin({ position: 0, logId: NO_LOG })
    await begin({ position: end, logId })
    const followed = this.#followed.get(partition)!
    Object.assign(followed, { position: end, last: undefined, doublings: 0 })
    this.#emit({ type: 'begin', partition, reason, position: end })
    return true
  }

  async follow({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.step({ signal })
        this.#failures = 0
        await this.#wait(signal)
      } catch (error) {
        if (signal.aborted) return
        const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failures++, 10))
        const askedMs = isKedgeError(error) ? Math.min(error.retryAfterMs ?? 0, MAX_BACKOFF_MS) : 0
        const retryInMs = Math.max(askedMs, backoffMs * (0.5 + this.#runtime.random() / 2))
        this.#emit({ type: 'failed', error, retryInMs })
        await this.#runtime.sleep(retryInMs, signal).catch(() => undefined)
      }
    }
  }

  /** Waits for a record after the positions. Its answer is only a signal: the next step reads for itself. */
  async #wait(signal: AbortSignal): Promise<void> {
    const positions = [...this.#followed].map(([partition, { position }]) => ({
      partition,
      offset: position,
    }))
    if (!this.#kafka.capabilities.longPoll || positions.length === 0)
      return this.#runtime.sleep(this.#waitMs, signal)
    const options = { maxBytes: 1, waitMs: this.#waitMs, isolation: 'uncommitted' } as const
    const { records, next } = await withDeadline(
      this.#runtime,
      this.#waitMs + this.#timeoutMs,
      silent,
      (inner) => this.#kafka.read(this.#topic, positions, { ...options, signal: inner }),
      signal,
    )
    // The log answered early without a record: without a pause this loop would spin.
    const moved = next.some(({ partition, offset }) => offset > this.#followed.get(partition)!.position)
    if (records.length === 0 && !moved) await this.#runtime.sleep(FIRST_BACKOFF_MS, signal)
  }

  #within<T>(signal: AbortSignal | undefined, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(this.#runtime, this.#timeoutMs, silent, task, signal)
  }

  #emit(event: TierFollowerEvent): void {
    try {
      this.#options.onEvent?.(event)
    } catch {
      // A listener that throws must not stop the applier; no other listener could report its error.
    }
  }
}

function reasonToBegin(
  applied: AppliedPosition | undefined,
  { beginning, end, logId }: PartitionOffsets,
): BeginReason | undefined {
  if (applied === undefined) return 'start'
  if (applied.logId !== logId) return 'replaced'
  if (applied.position > end) return 'rewound'
  return applied.position < beginning ? 'truncated' : undefined
}

const isSame = (record: LogRecord, { offset, digest }: { offset: number; digest: string }): boolean =>
  record.offset === offset && digestOf(record) === digest

const silent = () => new KedgeError('ERR_TIMEOUT', 'no answer in time', { retryable: true })
