/**
 * The applier of a shared tier: reads the evictions topic and applies it there, so that isolates may use values that
 * are older than what they remember of evictions.
 *
 * One or several appliers may run, anywhere and for any time: the position is in the tier. While none runs,
 * isolates only miss in the tier more often.
 *
 * @module
 */
import { json } from '../../src/wire/codec.ts'
import { applyRecord } from '../../src/coherence/apply-eviction.ts'
import type { RecordFormat } from '../../src/coherence/apply-eviction.ts'
import { isSame, lastOf } from '../../src/coherence/log-identity.ts'
import type { LastRecord } from '../../src/coherence/partition.ts'
import { consume, doubling, readBatch } from '../../src/runtime/consumer.ts'
import type { Batch, TopicSource } from '../../src/runtime/consumer.ts'
import { withDeadline } from '../../src/runtime/deadline.ts'
import { durationMs } from '../../src/runtime/duration.ts'
import { pauseMs, repeat } from '../../src/runtime/retry.ts'
import { harmless } from '../../src/runtime/listener.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { CallOptions, KafkaLog, PartitionOffsets, Position } from '../../src/ports/kafka-log.ts'
import { systemRuntime } from '../../src/ports/runtime.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import type { AppliedPosition, TierApplier, TierEviction } from '../../src/ports/tier.ts'
import { reasonToBegin } from './reason-to-begin.ts'
import { check } from './settings.ts'
import { tierEvictions } from './tier-evictions.ts'
import { shape } from './tier-follower-options.ts'
import type {
  BeginReason,
  TierFollower,
  TierFollowerEvent,
  TierFollowerOptions,
  TierFollowerStats,
  TierLag,
  TierStep,
} from './tier-follower-options.ts'

const BACKOFF = { firstMs: 100, maxMs: 10_000, maxAskedMs: 10_000 }
/** The pause after a long poll that ended early with nothing. */
const EMPTY_PAUSE_MS = 100
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
  last: LastRecord | undefined
}

class EvictionsFollower implements TierFollower {
  readonly #kafka: KafkaLog
  readonly #applier: TierApplier
  readonly #topic: string
  readonly #format: RecordFormat
  readonly #runtime: Runtime
  readonly #timeoutMs: number
  readonly #waitMs: number
  readonly #options: TierFollowerOptions
  readonly #emit: (event: TierFollowerEvent) => void
  readonly #followed = new Map<number, Followed>()
  #atEndSince = -Infinity
  #failures = 0
  readonly #stats = { records: 0, batches: 0, evictions: 0, begins: 0, failures: 0 }

  constructor(options: TierFollowerOptions) {
    check(shape, options, 'createTierFollower')
    const {
      tier,
      kafka,
      topics,
      codec = json,
      maxMessageBytes = 1_000_000,
      runtime = systemRuntime(),
      timeout = '10s',
      wait = '1s',
    } = options
    this.#options = options
    this.#emit = harmless(options.onEvent)
    this.#kafka = kafka
    this.#applier = tier.applier!
    this.#topic = topics?.evictions ?? 'cache-evictions'
    if (kafka.signedTopics?.has(this.#topic) === false)
      throw new TypeError('`topics.evictions` must be among the `topics` of signed()')
    this.#format = { codec, maxMessageBytes }
    this.#runtime = runtime
    this.#timeoutMs = durationMs(timeout, 'timeout')
    this.#waitMs = durationMs(wait, 'wait')
    if (this.#timeoutMs === 0) throw new TypeError('`timeout` must be longer than 0')
  }

  lag(): TierLag {
    const partitions = [...this.#followed].map(([partition, { position, end }]) => ({
      partition,
      position,
      end,
    }))
    const records = partitions.reduce((sum, { position, end }) => sum + Math.max(0, end - position), 0)
    return { records, ms: this.#runtime.now() - this.#atEndSince, failures: this.#failures, partitions }
  }

  stats(): TierFollowerStats {
    return { ...this.#stats }
  }

  async step({ signal = new AbortController().signal }: CallOptions = {}): Promise<TierStep> {
    signal.throwIfAborted()
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
    signal: AbortSignal,
  ): Promise<{ records: number; began: boolean }> {
    const { partition, end } = bounds
    const followed = this.#followed.get(partition) ?? { position: 0, end: 0, last: undefined }
    this.#followed.set(partition, followed)
    followed.end = end
    const applied = await this.#within(signal, (inner) =>
      this.#applier.position(partition, { signal: inner }),
    )
    const reason = reasonToBegin(applied, bounds)
    if (reason) return { records: 0, began: await this.#begin(bounds, applied, reason, signal) }
    followed.position = applied!.position
    if (followed.last && followed.last.offset < bounds.beginning) followed.last = undefined
    const gap = await this.#catchUp(bounds, followed, signal)
    const records = followed.position - applied!.position
    return { records, began: gap !== undefined && (await this.#begin(bounds, applied, gap, signal)) }
  }

  /** Reads and applies up to the end; or returns why the follower must begin again. */
  async #catchUp(
    bounds: PartitionOffsets,
    followed: Followed,
    signal: AbortSignal,
  ): Promise<BeginReason | undefined> {
    const { partition, end, logId } = bounds
    const positions = (): Position[] => {
      if (followed.position >= end) return []
      const offset = (logId === undefined ? followed.last?.offset : undefined) ?? followed.position
      return [{ partition, offset }]
    }
    // The end lies ahead: a consumer that still warms up may take a moment to return records.
    const waitMs = Math.min(this.#waitMs, this.#timeoutMs / 2)
    const grown = doubling(this.#options.maxBytes ?? 1_000_000, waitMs)
    // In a row: a long way to the end may have many empty answers, and only a record that does not fit stalls.
    let inVain = 0
    const attempt = () => grown(inVain)
    for await (const batch of consume(this.#source(this.#timeoutMs - waitMs), positions, attempt, signal)) {
      const from = followed.position
      const gap = await this.#apply(bounds, followed, batch, signal)
      if (gap) return gap
      inVain = followed.position > from ? 0 : inVain + 1
    }
    return followed.position < end ? 'stalled' : undefined
  }

  /** Applies the evictions of an answer; or returns why the follower must begin again. */
  async #apply(
    { partition, logId }: PartitionOffsets,
    followed: Followed,
    { records, next, outOfRange }: Batch,
    signal: AbortSignal,
  ): Promise<BeginReason | undefined> {
    if (outOfRange.length > 0) return 'truncated'
    const { position: from, last } = followed
    const [first] = records
    if (logId === undefined && last && first && !isSame(first, last)) return 'replaced'
    const fresh = records.filter(({ offset }) => offset >= from)
    const batch = fresh.slice(0, this.#options.maxRecords ?? 1000)
    const read = next.get(partition) ?? from
    const to = fresh.length > batch.length ? batch.at(-1)!.offset + 1 : read
    if (to <= from) return undefined
    const evictions: TierEviction[] = []
    for (const record of batch) evictions.push(...(await applyRecord(record, this.#format, tierEvictions)))
    const since = this.#runtime.monotonic()
    const outcome = await this.#within(signal, (inner) =>
      this.#applier.apply({ partition, logId, from, to, evictions }, { signal: inner }),
    )
    if (outcome === 'gap') return 'start'
    followed.position = to
    const newest = batch.at(-1)
    if (newest) followed.last = lastOf(newest)
    this.#stats.batches++
    this.#stats.records += to - from
    this.#stats.evictions += evictions.length
    const took = Math.max(0, this.#runtime.monotonic() - since)
    this.#emit({ type: 'apply', partition, from, to, evictions: evictions.length, durationMs: took })
    return undefined
  }

  /** Begins at the end of the log: isolates then refuse the values that are in the tier already. */
  async #begin(
    { partition, end, logId }: PartitionOffsets,
    applied: AppliedPosition | undefined,
    reason: BeginReason,
    signal: AbortSignal,
  ): Promise<boolean> {
    const begin = (at: AppliedPosition) =>
      this.#within(signal, (inner) => this.#applier.begin(partition, at, { signal: inner }))
    // The tier would keep a position of the same log that is not lower.
    if (reason !== 'start' && applied?.logId === logId) await begin({ position: 0, logId: NO_LOG })
    await begin({ position: end, logId })
    const followed = this.#followed.get(partition)!
    Object.assign(followed, { position: end, last: undefined })
    this.#stats.begins++
    this.#emit({ type: 'begin', partition, reason, position: end })
    return true
  }

  async follow({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const round = async () => {
      await this.step({ signal })
      this.#failures = 0
      await this.#wait(signal)
    }
    const failed = (error: unknown) => {
      const retryInMs = pauseMs(BACKOFF, this.#failures++, error, this.#runtime.random())
      this.#stats.failures++
      this.#emit({ type: 'failed', error, retryInMs })
      return retryInMs
    }
    await repeat(this.#runtime, round, failed, signal)
  }

  /** Waits for a record after the positions. Its answer is only a signal: the next step reads for itself. */
  async #wait(signal: AbortSignal): Promise<void> {
    const positions = [...this.#followed].map(([partition, { position }]) => ({
      partition,
      offset: position,
    }))
    if (!this.#kafka.capabilities.longPoll || positions.length === 0)
      return this.#runtime.sleep(this.#waitMs, signal)
    const fetch = { maxBytes: 1, waitMs: this.#waitMs }
    const { records, next } = await readBatch(this.#source(this.#timeoutMs), positions, fetch, signal)
    // The log answered early without a record: without a pause this loop would spin.
    if (records.length === 0 && next.size === 0) await this.#runtime.sleep(EMPTY_PAUSE_MS, signal)
  }

  /** @param ms how long an answer may take beyond its wait */
  #source(ms: number): TopicSource {
    const deadline = { runtime: this.#runtime, ms }
    // An open transaction of another producer would hide acknowledged evictions behind it.
    return { log: this.#kafka, topic: this.#topic, isolation: 'uncommitted', deadline }
  }

  #within<T>(signal: AbortSignal, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(this.#runtime, this.#timeoutMs, silent, task, signal)
  }
}

const silent = () =>
  new KedgeError('ERR_TIMEOUT', 'the log or the tier did not answer in time', { retryable: true })
