/**
 * The publisher: writes messages, and resolves only when every record is acknowledged with an offset.
 *
 * @module
 */
import { encodeUtf8, pack } from './codec.ts'
import { withDeadline } from './deadline.ts'
import { KedgeError, isKedgeError } from './errors.ts'
import type { Candidate, Ground, Keyspace } from './keyspace.ts'
import type { NewRecord, Position } from './log.ts'
import { updateRecordKey } from './messages.ts'
import type { ClearMessage, EvictMessage, IntentMessage, Message, PutMessage } from './messages.ts'
import { partitionOf } from './murmur2.ts'
import type { Scope } from './scope.ts'
import { Slots } from './slots.ts'
import { formatToken } from './token.ts'
import type { Token } from './token.ts'

/** Keys, tags or prefixes in one record of our own. */
const IDS_PER_RECORD = 100
/** Records in one produce call. */
const RECORDS_PER_CALL = 100
const RETRIES = 3
const FIRST_RETRY_MS = 50
const MAX_RETRY_AFTER_MS = 5000
/** How long a write may take, its repetitions included. A log has deadlines of its own: this is the last resort. */
const PRODUCE_DEADLINE_MS = 30_000
/** Background writes (shared values, announcements) at once; beyond, they are left out. */
const MAX_BACKGROUND = 64
const BACKGROUND_LEASE_MS = 30_000

export type EvictBody = Omit<EvictMessage, 'v' | 'op' | 'ns'>

export type IntentBody = Omit<IntentMessage, 'v' | 'op' | 'ns'>

type EvictionsMessage = EvictMessage | ClearMessage | IntentMessage

/** An eviction that is in the log. */
export interface Published {
  readonly message: EvictionsMessage
  readonly partition: number
  readonly offset: number
}

export class Publisher {
  readonly #ground: Ground
  /** This cache, in announcements. */
  readonly #self: string
  readonly #background: Slots

  constructor(ground: Ground, self: string) {
    this.#ground = ground
    this.#self = self
    this.#background = new Slots(MAX_BACKGROUND, ground.settings.runtime, ground.timeline)
  }

  /**
   * Publishes evictions of a namespace.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged: it may or may not be in the log.
   */
  async evict(
    namespace: string,
    partition: number,
    bodies: readonly EvictBody[],
    signal?: AbortSignal,
  ): Promise<Published[]> {
    const messages = bodies
      .flatMap(split)
      .map((body): EvictMessage => ({ v: 1, op: 'evict', ns: namespace, ...body }))
    return this.#publish(
      messages.map((message) => ({ message, partition })),
      encodeUtf8(namespace),
      signal,
    )
  }

  /** Announces a write to the source. */
  async intend(
    namespace: string,
    partition: number,
    body: IntentBody,
    signal?: AbortSignal,
  ): Promise<Published[]> {
    const message: IntentMessage = { v: 1, op: 'intent', ns: namespace, ...body }
    return this.#publish([{ message, partition }], encodeUtf8(namespace), signal)
  }

  /** Publishes the eviction of a namespace, or of everything, to the partitions. */
  async clear(
    namespace: string | undefined,
    partitions: readonly number[],
    signal?: AbortSignal,
  ): Promise<Published[]> {
    const message: ClearMessage = { v: 1, op: 'clear', ...(namespace === undefined ? {} : { ns: namespace }) }
    const key = namespace === undefined ? null : encodeUtf8(namespace)
    return this.#publish(
      partitions.map((partition) => ({ message, partition })),
      key,
      signal,
    )
  }

  /** Publishes a value to the updates topic. */
  async update<T>(space: Keyspace<T>, key: string, value: Candidate<T>, signal?: AbortSignal): Promise<void> {
    await this.append([await this.record(space, key, value)], signal)
  }

  /**
   * The value as a record of the updates topic.
   * @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when it cannot be one.
   */
  async record<T>(space: Keyspace<T>, key: string, value: Candidate<T>): Promise<NewRecord> {
    return this.#updateRecord(space.name, key, this.#put(space, key, value))
  }

  /** The record that says that the source was read as of this position, and has no value of the key. */
  async absence<T>(space: Keyspace<T>, key: string, { asOf, loadedAt }: Pick<Candidate<T>, 'asOf' | 'loadedAt'>): Promise<NewRecord> {
    const { name: ns, partition } = space
    const at = this.#wall(loadedAt)
    const log = partition.logId
    return this.#updateRecord(ns, key, { v: 1, op: 'del', ns, key, asOf, none: true, at, log })
  }

  /**
   * Appends records to the updates topic.
   * @throws KedgeError `ERR_PUBLISH` when one is not acknowledged.
   */
  async append(records: readonly NewRecord[], signal?: AbortSignal): Promise<Position[]> {
    return this.#send(this.#ground.settings.updatesTopic, records, signal)
  }

  /**
   * Whether the value could be published.
   * @throws KedgeError `ERR_CODEC` or `ERR_TOO_LARGE` when it could not.
   */
  async checkUpdate<T>(space: Keyspace<T>, key: string, value: Candidate<T>): Promise<void> {
    await pack(this.#put(space, key, value), this.#ground.settings)
  }

  #put<T>(
    space: Keyspace<T>,
    key: string,
    { value, ttlMs: ttl, asOf, loadedAt, tags, version }: Candidate<T>,
  ): PutMessage {
    const at = this.#wall(loadedAt)
    return {
      v: 1,
      op: 'put',
      ns: space.name,
      key,
      value,
      ttl,
      at,
      asOf,
      log: space.partition.logId,
      tags,
      version,
    }
  }

  #wall(at: number): number {
    const { settings, timeline } = this.#ground
    return settings.runtime.now() - (timeline.now() - at)
  }

  /** Publishes a loaded value in the background; left out when too many are under way. */
  share<T>(space: Keyspace<T>, key: string, value: Candidate<T>, scope: Scope): void {
    if (value.ttlMs > 0) this.#inBackground(scope, () => this.update(space, key, value))
  }

  /**
   * Publishes that the keys have no value any more. Never rejects but by the signal: the evictions are in the log, and
   * this only spares others a value that they would refuse.
   */
  async unshare(
    namespace: string,
    keys: readonly string[],
    asOf: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const records: NewRecord[] = []
    for (const key of keys) {
      records.push(await this.#updateRecord(namespace, key, { v: 1, op: 'del', ns: namespace, key, asOf }))
    }
    await this.append(records, signal).catch(() => signal?.throwIfAborted())
  }

  /** Announces, in the background, that a value's TTL has ended here. */
  announceExpiry(namespace: string, partition: number, key: string, scope: Scope): void {
    const body: EvictBody = { keys: [key], why: 'ttl', from: this.#self }
    this.#inBackground(scope, () => this.evict(namespace, partition, [body]))
  }

  #inBackground(scope: Scope, work: () => Promise<unknown>): void {
    const free = this.#background.tryTake(BACKGROUND_LEASE_MS)
    if (free) scope.waitUntil(work().finally(free))
  }

  async #updateRecord(namespace: string, key: string, message: Message): Promise<NewRecord> {
    const recordKey = encodeUtf8(updateRecordKey(namespace, key))
    const partition = partitionOf(recordKey, this.#ground.settings.updatePartitions)
    return { key: recordKey, value: await pack(message, this.#ground.settings), partition }
  }

  async #publish(
    writes: readonly { message: EvictionsMessage; partition: number }[],
    key: Uint8Array | null,
    signal: AbortSignal | undefined,
  ): Promise<Published[]> {
    const { settings } = this.#ground
    const fitting = (await Promise.all(writes.map((write) => this.#fit(write)))).flat()
    const records = fitting.map(({ value, partition }) => ({ key, value, partition }))
    const positions = await this.#send(settings.evictionsTopic, records, signal)
    return positions.map(({ offset }, at) => ({ ...fitting[at]!, offset }))
  }

  /** Packs a message, in halves where it is larger than a message may be. */
  async #fit<M extends { message: EvictionsMessage }>(write: M): Promise<(M & { value: Uint8Array })[]> {
    try {
      return [{ ...write, value: await pack(write.message, this.#ground.settings) }]
    } catch (error) {
      const halves = isKedgeError(error) && error.code === 'ERR_TOO_LARGE' ? halve(write.message) : undefined
      if (halves === undefined) throw error
      const fitted = await Promise.all(halves.map((message) => this.#fit({ ...write, message })))
      return fitted.flat()
    }
  }

  async #send(topic: string, records: readonly NewRecord[], signal?: AbortSignal): Promise<Position[]> {
    const positions: Position[] = []
    for (let from = 0; from < records.length; from += RECORDS_PER_CALL) {
      positions.push(...(await this.#produce(topic, records.slice(from, from + RECORDS_PER_CALL), signal)))
    }
    const { emit } = this.#ground.settings
    emit?.({ type: 'publish', topic, token: tokenOf(positions) })
    return positions
  }

  async #produce(
    topic: string,
    records: readonly NewRecord[],
    signal: AbortSignal | undefined,
  ): Promise<Position[]> {
    const { runtime, emit } = this.#ground.settings
    try {
      return await withDeadline(
        runtime,
        PRODUCE_DEADLINE_MS,
        silent,
        (inner) => this.#attempt(topic, records, inner),
        signal,
      )
    } catch (cause) {
      signal?.throwIfAborted()
      const known = isKedgeError(cause) ? cause : undefined
      emit?.({ type: 'publish_failed', topic, error: cause })
      throw new KedgeError(
        'ERR_PUBLISH',
        'Kafka did not acknowledge the write: it may or may not be in the log',
        {
          cause,
          retryable: known?.retryable ?? true,
          ...(known?.retryAfterMs === undefined ? {} : { retryAfterMs: known.retryAfterMs }),
        },
      )
    }
  }

  async #attempt(topic: string, records: readonly NewRecord[], signal: AbortSignal): Promise<Position[]> {
    const { log, runtime } = this.#ground.settings
    for (let attempt = 0; ; attempt++) {
      try {
        return acknowledged(records, await log.produce(topic, records, { signal }))
      } catch (error) {
        if (signal.aborted || attempt >= RETRIES || !isKedgeError(error) || !error.retryable) throw error
        const backoffMs = FIRST_RETRY_MS * 2 ** attempt * (0.5 + runtime.random() / 2)
        await runtime.sleep(
          Math.max(backoffMs, Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)),
          signal,
        )
      }
    }
  }
}

/**
 * The positions, if they are an acknowledgement of these records: a status of 200 is none, and neither is an offset
 * of -1.
 */
function acknowledged(records: readonly NewRecord[], positions: Position[]): Position[] {
  const holds =
    positions.length === records.length &&
    positions.every(({ partition, offset }, at) => {
      const named = records[at]!.partition
      return Number.isSafeInteger(offset) && offset >= 0 && (named === undefined || named === partition)
    })
  if (!holds)
    throw new KedgeError('ERR_PROTOCOL', 'not every record was acknowledged with its partition and offset')
  return positions
}

const silent = () => new KedgeError('ERR_TIMEOUT', 'Kafka did not answer a write', { retryable: true })

/** The token of whoever has passed all of the records. */
export function tokenOf(records: readonly Position[]): Token {
  const next = new Map<number, number>()
  for (const { partition, offset } of records)
    next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
  return formatToken(next)
}

/** Bodies of at most so many keys, tags or prefixes; only one kind is ever given at once. */
function split(body: EvictBody): EvictBody[] {
  const [kind, ids] = idsOf(body)
  const parts: EvictBody[] = []
  for (let from = 0; from < ids.length; from += IDS_PER_RECORD) {
    parts.push({ ...body, [kind]: ids.slice(from, from + IDS_PER_RECORD) })
  }
  return parts
}

function halve(message: EvictionsMessage): EvictMessage[] | undefined {
  if (message.op !== 'evict') return undefined
  const [kind, ids] = idsOf(message)
  const half = Math.ceil(ids.length / 2)
  if (half === ids.length) return undefined
  return [ids.slice(0, half), ids.slice(half)].map((part) => ({ ...message, [kind]: part }))
}

function idsOf(body: EvictBody): ['keys' | 'tags' | 'prefixes', readonly string[]] {
  if (body.keys) return ['keys', body.keys]
  return body.tags ? ['tags', body.tags] : ['prefixes', body.prefixes ?? []]
}
