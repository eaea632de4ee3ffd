/** Reads by explicit offset: fetches without a group, one for each leader. @module */
import { eitherSignal } from '../../../src/runtime/abort.ts'
import { orAbort } from '../tail/calls.ts'
import { performance } from 'node:perf_hooks'
import type { ClusterRead, ClusterReadOptions, ClusterRecord, PartitionBounds } from '../cluster.ts'
import type { TopicPartition, TopicPosition } from '../topic-position.ts'
import { Backoff } from './backoff.ts'
import { CODES, isForbidden, isPassing, KafkaFailure, nameOfCode } from './failure.ts'
import { FETCH, FETCH_BY_ID } from './fetch.ts'
import type { FetchAnswer, FetchedPartition, FetchTopic } from './fetch.ts'
import type { MonotonicEndOffset } from './monotonic-end-offset.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { Address, KafkaSettings } from './options.ts'
import { sliceOf } from './records.ts'
import type { SliceOptions } from './records.ts'
import { logIdOf } from './topic.ts'
import type { Leader, Topic } from './topic.ts'
import type { Topology } from './topology.ts'
import type { LeaderFencing } from './leader-fencing.ts'

/** The positions whose partitions one broker leads. */
interface Group {
  readonly address: Address
  readonly positions: readonly Place[]
}

/** A position, its topic, and the leader that is asked. */
interface Place extends TopicPosition {
  readonly topicOf: Topic
  readonly leader: Leader
}

interface FetchedBounds extends FetchedPartition {
  /** Absent where a fetch names topics by name (another may have it by now), or the leader is in doubt. */
  readonly bounds: PartitionBounds | undefined
}

type Fetched = ReadonlyMap<string, FetchedBounds>

/** The most that a fetch asks a broker for; a broker returns each first batch whole whatever its size. */
const MAX_FETCH_BYTES = 64 * 1024 * 1024

const nameOf = ({ topic, partition }: TopicPartition): string => `${partition} ${topic}`

export class Fetcher {
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #witnesses: LeaderFencing
  readonly #floor: MonotonicEndOffset
  readonly #settings: KafkaSettings

  constructor(
    links: ConnectionPool,
    topology: Topology,
    witnesses: LeaderFencing,
    floor: MonotonicEndOffset,
    settings: KafkaSettings,
  ) {
    this.#witnesses = witnesses
    this.#floor = floor
    this.#links = links
    this.#topology = topology
    this.#settings = settings
  }

  /** Rejects at once when the caller aborts, even where a broker hangs. */
  async read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    const { signal } = options
    signal?.throwIfAborted()
    return orAbort(this.#read(positions, options), signal)
  }

  async #read(positions: readonly TopicPosition[], options: ClusterReadOptions): Promise<ClusterRead> {
    if (positions.length === 0) return { records: [], next: [], outOfRange: [] }
    const begun = performance.now()
    const deadline = begun + options.waitMs + this.#settings.requestTimeoutMs
    const backoff = new Backoff(deadline)
    for (;;) {
      const waitMs = Math.max(0, Math.floor(begun + options.waitMs - performance.now()))
      const again = !backoff.over
      try {
        const groups = await this.#groups(positions, deadline)
        const fetched = await this.#fetchAll(groups, { ...options, waitMs })
        const code = firstPassing(fetched)
        if (code === undefined) {
          const { maxBatchBytes, onUnreadable } = this.#settings
          return collect(positions, fetched, { maxBytes: options.maxBytes, maxBatchBytes, onUnreadable })
        }
        const failed = new KafkaFailure('Fetch failed.', { code })
        if (!again || isForbidden(failed)) throw failed
      } catch (error) {
        options.signal?.throwIfAborted()
        const passes = error instanceof KafkaFailure && (error.code === undefined || isPassing(error.code))
        if (!passes || !again) throw error
      }
      await backoff.wait()
      const topics = new Set(positions.map(({ topic }) => topic))
      await Promise.all([...topics].map((topic) => this.#topology.refresh(topic).catch(() => undefined)))
      options.signal?.throwIfAborted()
    }
  }

  async #groups(positions: readonly TopicPosition[], deadline: number): Promise<Group[]> {
    const groups = new Map<string, { address: Address; positions: Place[] }>()
    const found = await Promise.all(
      positions.map(({ topic, partition }) => this.#topology.leader(topic, partition, deadline)),
    )
    for (const [index, { topic, leader }] of found.entries()) {
      const { address } = leader
      const name = `${address.host}:${address.port}`
      const group = groups.get(name) ?? { address, positions: [] }
      groups.set(name, group)
      group.positions.push({ ...positions[index]!, topicOf: topic, leader })
    }
    return [...groups.values()]
  }

  /** From all leaders at once; the first that has news ends the waiting of the others. */
  async #fetchAll(groups: readonly Group[], options: ClusterReadOptions): Promise<Fetched> {
    const [only] = groups
    if (groups.length === 1 && only) return this.#fetch(only, options)
    const first = await Promise.all(groups.map((group) => this.#fetch(group, { ...options, waitMs: 0 })))
    if (options.waitMs === 0 || first.some(hasNews)) return merged(first)
    const enough = eitherSignal(options.signal)
    const rest = await Promise.all(
      groups.map(async (group, index) => {
        try {
          const fetched = await this.#fetch(group, { ...options, signal: enough.signal })
          if (hasNews(fetched)) enough.abort()
          return fetched
        } catch (error) {
          if (options.signal?.aborted || !enough.signal.aborted) throw error
          return first[index]!
        }
      }),
    ).finally(() => {
      enough.done()
      enough.abort()
    })
    return merged(rest)
  }

  async #fetch(group: Group, { waitMs, ...options }: ClusterReadOptions): Promise<Fetched> {
    if (waitMs <= 0) return this.#ask(this.#links.shared(group.address, 'read'), group, 0, options)
    const end = performance.now() + waitMs
    for (;;) {
      const link = this.#links.borrow(group.address)
      if (link) {
        try {
          const left = Math.max(0, Math.floor(end - performance.now()))
          return await this.#ask(link, group, left, options)
        } finally {
          this.#links.giveBack(link)
        }
      }
      // No connection for a long poll is free: a fetch that does not wait gets the records there are.
      const fetched = await this.#ask(this.#links.shared(group.address, 'read'), group, 0, options)
      const left = end - performance.now()
      if (hasNews(fetched) || left <= 0) return fetched
      await this.#links.turn(left, options.signal)
    }
  }

  async #ask(
    link: BrokerConnection,
    { positions }: Group,
    waitMs: number,
    { maxBytes, isolation, signal }: Omit<ClusterReadOptions, 'waitMs'>,
  ): Promise<Fetched> {
    const bytes = Math.min(Math.max(1, maxBytes), MAX_FETCH_BYTES)
    const began = performance.now()
    let byId = true
    const answer = await link.request(
      FETCH,
      (version) => {
        byId = version >= FETCH_BY_ID
        const topics = topicsOf(positions, byId, bytes)
        return [waitMs, 1, bytes, isolation === 'committed' ? 1 : 0, 0, -1, topics, [], '']
      },
      // An abort of one caller must not close a shared connection: its answer comes at once anyway.
      { ms: waitMs + this.#settings.requestTimeoutMs, signal: waitMs > 0 ? signal : undefined },
    )
    signal?.throwIfAborted()
    tellCodes(answer, this.#settings.onErrorCode)
    return this.#believed(fetchedOf(answer, positions, byId), positions, began)
  }

  /**
   * The records of a leader that has been replaced are true: it had them in sync. But only the present leader
   * knows where the log ends, and whether a position lies beyond the end.
   */
  async #believed(fetched: Fetched, positions: Group['positions'], began: number): Promise<Fetched> {
    const believed = new Map(fetched)
    for (const place of positions) {
      const found = fetched.get(nameOf(place))
      if (!found) continue
      const { topicOf: topic, partition, leader } = place
      const statement = { topic, partition, leader, began }
      if (found.errorCode === CODES.offsetOutOfRange) await this.#witnesses.vouch(statement)
      if (!found.bounds) continue
      const end = { id: topic.id, partition, epoch: leader.epoch, end: found.bounds.end }
      if (this.#witnesses.trusts(statement) && this.#floor.bears(end)) this.#floor.raise(end)
      else believed.set(nameOf(place), { ...found, bounds: undefined })
    }
    return believed
  }
}

function topicsOf(positions: Group['positions'], byId: boolean, partitionMaxBytes: number): FetchTopic[] {
  const topics = new Map<string, FetchTopic>()
  for (const { topic, topicOf, leader, partition, offset } of positions) {
    // Where a fetch names topics by name, `topicId` carries the name.
    const asked = topics.get(topic) ?? { topicId: byId ? topicOf.id : topic, partitions: [] }
    topics.set(topic, asked)
    asked.partitions.push({
      partition,
      // A broker of another epoch refuses, and the next attempt goes to the present leader: the bounds of
      // two leaders cannot be compared.
      currentLeaderEpoch: leader.epoch,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes,
    })
  }
  return [...topics.values()]
}

function tellCodes(answer: FetchAnswer, tell: KafkaSettings['onErrorCode']): void {
  if (!tell) return
  if (answer.errorCode !== 0) tell(nameOfCode(answer.errorCode))
  for (const { partitions } of answer.responses)
    for (const { errorCode } of partitions) if (errorCode !== 0) tell(nameOfCode(errorCode))
}

function fetchedOf(answer: FetchAnswer, positions: Group['positions'], byId: boolean): Fetched {
  if (answer.errorCode !== 0) throw new KafkaFailure('Fetch failed.', { code: answer.errorCode })
  const asked = new Map(
    positions.map((place) => [`${place.partition} ${byId ? place.topicOf.id : place.topic}`, place]),
  )
  const fetched = new Map<string, FetchedBounds>()
  for (const { topicId, partitions } of answer.responses) {
    for (const partition of partitions) {
      const place = asked.get(`${partition.partitionIndex} ${topicId}`)
      const bounds = place && byId ? boundsOf(place, partition) : undefined
      if (place) fetched.set(nameOf(place), { ...partition, bounds })
    }
  }
  return fetched
}

function boundsOf(
  { topicOf, leader: { epoch } }: Place,
  { errorCode, highWatermark, logStartOffset }: FetchedPartition,
): PartitionBounds | undefined {
  if (errorCode !== 0 || highWatermark < 0n || logStartOffset < 0n) return undefined
  return {
    beginning: Number(logStartOffset),
    end: Number(highWatermark),
    logId: logIdOf(topicOf),
    leaderEpoch: epoch < 0 ? undefined : epoch,
  }
}

const merged = (all: readonly Fetched[]): Fetched => new Map(all.flatMap((fetched) => [...fetched]))

const hasNews = (fetched: Fetched): boolean =>
  [...fetched.values()].some(({ errorCode, batches }) => errorCode !== 0 || batches.length > 0)

function firstPassing(fetched: Fetched): number | undefined {
  for (const { errorCode } of fetched.values()) {
    if (errorCode !== 0 && errorCode !== CODES.offsetOutOfRange) return errorCode
  }
  return undefined
}

/** The answer in the order of the positions; once it is full, the next read takes the remaining ones. */
function collect(positions: readonly TopicPosition[], fetched: Fetched, options: SliceOptions): ClusterRead {
  const records: ClusterRecord[] = []
  const outOfRange: TopicPartition[] = []
  let left = options.maxBytes
  const next = positions.map((position) => {
    const { topic, partition, offset } = position
    const found = fetched.get(nameOf(position))
    if (found?.errorCode === CODES.offsetOutOfRange) outOfRange.push({ topic, partition })
    if (!found || found.errorCode !== 0 || (left <= 0 && records.length > 0))
      return { topic, partition, offset }
    const slice = sliceOf(position, found, { ...options, maxBytes: left })
    for (const record of slice.records) records.push(record)
    left -= slice.bytes
    return { topic, partition, offset: slice.next }
  })
  const bounds = positions.map((position) => fetched.get(nameOf(position))?.bounds)
  return { records, next, outOfRange, bounds }
}
