/**
 * One consumer instance, as kafka-rest's `KafkaConsumerState` and `KafkaConsumerReadTask` behave: it has partitions,
 * assigned or by a group, and keeps positions, which a poll moves.
 *
 * @module
 */
import { eitherSignal } from '../../src/runtime/abort.ts'
import type { Runtime } from '../../src/ports/runtime.ts'
import { AutoCommit } from './auto-commit.ts'
import type { Cluster, ClusterRead, ClusterRecord } from './cluster.ts'
import type { TopicPartition, TopicPosition } from './topic-position.ts'
import type { ConsumerOptions, PollOptions, ConsumerContext } from './consumer-options.ts'
import { fittingOf, sizeOf } from './fitting-records.ts'
import { notAssigned } from './groups.ts'
import type { GroupMember, GroupOffset, Groups, Share } from './groups.ts'
import { Positions } from './positions.ts'
import { attempt, hosted } from './record-faults.ts'
import type { Stop } from './record-faults.ts'
import { Refusal } from './refusal.ts'
import { RequestQueue } from './request-queue.ts'

export class Consumer {
  readonly group: string
  readonly name: string
  readonly options: ConsumerOptions
  readonly #cluster: Cluster
  readonly #runtime: Runtime
  #positions = new Positions([])
  /** The positions after the returned records, while a poll reads on: its records are not consumed yet. */
  #returned: Positions | undefined
  #subscription:
    | { readonly topics: readonly string[]; readonly member: GroupMember; share?: Share | undefined }
    | undefined
  /** Whether records were returned that the client must still commit itself. */
  #owes = false
  readonly #autoCommit: AutoCommit
  readonly #turns = new RequestQueue()

  constructor(group: string, name: string, options: ConsumerOptions, { cluster, runtime }: ConsumerContext) {
    this.group = group
    this.name = name
    this.options = options
    this.#cluster = cluster
    this.#runtime = runtime
    this.#autoCommit = new AutoCommit(runtime, {
      consumed: () => (cluster.groups ? this.#consumed() : []),
      commit: (positions) => this.commit(positions),
    })
  }

  /** Whether a request is at work: such an instance is not idle. */
  get busy(): boolean {
    return this.#turns.busy
  }

  /** One request after the other, as a Kafka consumer demands. @throws Refusal `busy` when too many wait. */
  exclusive<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(signal, work)
  }

  get subscription(): readonly string[] {
    return this.#subscription?.topics ?? []
  }

  /** Replaces the subscribed topics. @throws Refusal `not-assigned` where partitions are assigned by hand. */
  async subscribe(topics: readonly string[], wanted: () => boolean): Promise<void> {
    if (!this.#subscription && this.#positions.size > 0) throw mixed()
    const groups = this.#groups()
    await this.unsubscribe()
    const consumed = () => this.#consumed()
    const owes = () => this.#owes
    const member = groups.join(this.group, { topics, wanted, consumed, owes })
    this.#subscription = { topics, member }
  }

  /** Assigned partitions are given up as well, as `KafkaConsumer.unsubscribe` has it. */
  async unsubscribe(): Promise<void> {
    await this.close()
    this.#subscription = undefined
    this.#positions = new Positions([])
  }

  /** Commits where the instance commits by itself, and gives its partitions back to the group. */
  async close(): Promise<void> {
    if (this.#subscription) await this.#subscription.member.leave()
    else await this.#autoCommit.commit().catch(() => {})
  }

  /** Replaces the assignment; partitions that stay keep their positions. @throws Refusal `not-assigned`. */
  assign(partitions: readonly TopicPartition[]): void {
    if (this.#subscription) throw mixed()
    this.#positions = new Positions(partitions, this.#positions)
  }

  /** The assigned partitions; for a member of a group its present share. */
  async assignment(signal: AbortSignal): Promise<readonly TopicPartition[]> {
    await this.#share(0, signal)
    return this.#positions.partitions
  }

  /** @throws Refusal `not-assigned`. */
  async requireAssigned(partitions: readonly TopicPartition[], signal: AbortSignal): Promise<void> {
    await this.#share(this.options.timeoutMs, signal)
    this.#positions.require(partitions)
  }

  seek(positions: readonly TopicPosition[]): void {
    this.#positions.move(positions)
  }

  /**
   * Commits these offsets; without them, the positions after all returned records.
   * @throws Refusal `not-assigned` where the group has given the partitions to another member meanwhile.
   */
  async commit(offsets: readonly GroupOffset[] | undefined): Promise<void> {
    if (!offsets && this.#lost) throw notAssigned()
    const found = offsets ?? this.#positions.known
    if (found.length === 0) return
    this.#autoCommit.forget()
    if (this.#subscription) await this.#subscription.member.commit(found)
    else await this.#groups().commit(this.group, found)
    this.#owes = false
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly GroupOffset[]> {
    return this.#groups().committed(this.group, partitions)
  }

  /** The records from the positions on, each through `show`. Moves past them, unless it fails. */
  async poll<T>(options: PollOptions<T>): Promise<T[]> {
    if (!this.#subscription && this.#positions.size === 0) throw nothing()
    this.#autoCommit.byTime()
    const deadline = this.#runtime.monotonic() + options.timeoutMs
    for (;;) {
      const left = Math.max(0, deadline - this.#runtime.monotonic())
      const share = await this.#share(left, options.signal)
      if (this.#subscription && this.#positions.size === 0) {
        if (share) await this.#pause(deadline, share.ended, options.signal)
        if (this.#runtime.monotonic() >= deadline) return []
        continue
      }
      const shown = await this.#pollShare(share?.ended, deadline, options)
      if (!shown) continue
      this.#owes ||= shown.length > 0 && !this.options.autoCommit
      return shown
    }
  }

  #groups(): Groups {
    const { groups } = this.#cluster
    if (groups) return groups
    throw new Refusal('unsupported', 'This cluster keeps no consumer groups: assign partitions, and seek.')
  }

  /** This member's share; a new one replaces the positions. `undefined` without a group, or not yet. */
  async #share(waitMs: number, signal: AbortSignal): Promise<Share | undefined> {
    const subscription = this.#subscription
    if (!subscription) return undefined
    const share = await subscription.member.share(waitMs, signal)
    if (share !== subscription.share) {
      subscription.share = share
      this.#owes = false
      this.#autoCommit.forget()
      this.#positions = new Positions(share?.partitions ?? [])
    }
    return share
  }

  /** Waits while other members have all partitions. */
  async #pause(deadline: number, ended: AbortSignal, signal: AbortSignal): Promise<void> {
    const waiting = eitherSignal(ended, signal)
    try {
      await this.#runtime.sleep(Math.max(0, deadline - this.#runtime.monotonic()), waiting.signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!ended.aborted) throw error
    } finally {
      waiting.done()
    }
  }

  /** `undefined` when the group gave the partitions to others meanwhile: they read the records again. */
  async #pollShare<T>(
    ended: AbortSignal | undefined,
    deadline: number,
    options: PollOptions<T>,
  ): Promise<T[] | undefined> {
    // These positions stay when the poll fails: at the next poll the end of the log would be another one.
    const positions = this.#positions
    await hosted(() => this.#find(positions))
    this.#returned = positions
    this.#positions = new Positions(positions.partitions, positions)
    try {
      const shown = await this.#take(ended, deadline, options)
      if (!shown) this.#positions = positions
      return shown
    } catch (error) {
      this.#positions = positions
      if (ended?.aborted && !options.signal.aborted) return undefined
      throw error
    } finally {
      this.#returned = undefined
    }
  }

  async #take<T>(
    ended: AbortSignal | undefined,
    deadline: number,
    options: PollOptions<T>,
  ): Promise<T[] | undefined> {
    options.begin()
    const shown: T[] = []
    let bytes = 0
    for (;;) {
      const read = await hosted(() => this.#read(deadline, ended, options))
      if (ended?.aborted) return undefined
      const fitting = fittingOf(read.records, options.maxBytes, { bytes, isFirst: shown.length === 0 })
      // Before any of them is shown: an answer that is refused must not cost its text.
      options.expect(fitting)
      const taken = new Set<ClusterRecord>()
      let stop: Stop | undefined = fitting.length < read.records.length ? {} : undefined
      for (const record of fitting) {
        const fault = attempt(() => void shown.push(options.show(record)))
        if (fault) {
          stop = fault
          break
        }
        bytes += sizeOf(record)
        taken.add(record)
      }
      this.#positions.pass(read, taken)
      if (stop?.because && shown.length === 0) throw stop.because
      const enough =
        bytes >= options.maxBytes || (this.options.minBytes >= 0 && bytes > this.options.minBytes)
      if (stop || enough || this.#runtime.monotonic() >= deadline) return shown
    }
  }

  async #read(
    deadline: number,
    ended: AbortSignal | undefined,
    { maxBytes, signal }: PollOptions<unknown>,
  ): Promise<ClusterRead> {
    await this.#find(this.#positions)
    const reading = ended && eitherSignal(ended, signal)
    const waitMs = Math.max(0, deadline - this.#runtime.monotonic())
    try {
      const asked = { maxBytes, waitMs, signal: reading?.signal ?? signal }
      const read = await this.#cluster.read(this.#positions.known, asked)
      const [lost] = read.outOfRange
      if (!lost) return read
      if (this.options.reset === 'none') {
        const message = `Fetch position is out of range for partition ${nameOf(lost)} and no reset policy is configured`
        throw new Refusal('out-of-range', `Kafka error: ${message}`)
      }
      for (const partition of read.outOfRange) this.seek([await this.#reset(partition)])
      // The next poll reads the records of the other partitions again: their positions have not moved.
      return { records: [], next: [], outOfRange: [] }
    } finally {
      reading?.done()
    }
  }

  /** Partitions without a position: start at the committed offset, else at the reset policy's end. */
  async #find(positions: Positions): Promise<void> {
    const { unknown } = positions
    if (unknown.length === 0) return
    const committed = (await this.#cluster.groups?.committed(this.group, unknown)) ?? []
    positions.move(committed)
    const missing = positions.unknown
    if (missing.length > 0 && this.options.reset === 'none') {
      const names = missing.map(nameOf).slice(0, 10).join(', ')
      const message = `Undefined offset with no reset policy for partitions: [${names}]`
      throw new Refusal('out-of-range', `Kafka error: ${message}`)
    }
    for (const partition of missing) positions.move([await this.#reset(partition)])
  }

  async #reset({ topic, partition }: TopicPartition): Promise<TopicPosition> {
    const { beginning, end } = await this.#cluster.offsets(topic, partition)
    return { topic, partition, offset: this.options.reset === 'earliest' ? beginning : end }
  }

  /** Whether the group has ended the share that the positions are of. */
  get #lost(): boolean {
    return this.#subscription?.share?.ended.aborted ?? false
  }

  #consumed(): readonly TopicPosition[] {
    return this.options.autoCommit && !this.#lost ? (this.#returned ?? this.#positions).known : []
  }
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

const illegal = (why: string) => new Refusal('not-assigned', `Illegal state: ${why}`)
const nothing = () => illegal('Consumer is not subscribed to any topics or assigned any partitions')
const mixed = () => illegal('Subscription to topics and assignment of partitions are mutually exclusive')
