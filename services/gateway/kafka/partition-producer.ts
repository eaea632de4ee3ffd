/**
 * The writes to one partition, one batch after the other.
 *
 * A batch carries a producer id and a sequence number (idempotence, KIP-98): when the lane sends a batch
 * again after a lost answer, the broker does not write it twice, and answers where it wrote it first. Records
 * that come while a batch is under way go with the next, so many small writes cost few requests.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import { NumericMap } from '@platformatic/kafka'
import type { CreateRecordsBatchOptions, MessageRecord } from '@platformatic/kafka'
import type { Appended, RecordToAppend } from '../cluster.ts'
import type { TopicPartition } from '../topic-position.ts'
import { Refusal } from '../refusal.ts'
import { INIT_PRODUCER_ID, PRODUCE } from './requests.ts'
import { Backoff } from './backoff.ts'
import {
  CODES,
  isForbidden,
  isPassing,
  isTooLarge,
  isWrong,
  KafkaFailure,
  refusalFrom,
  refusalOf,
} from './failure.ts'
import type { MonotonicEndOffset } from './monotonic-end-offset.ts'
import type { BrokerConnection } from './broker-connection.ts'
import type { ConnectionPool } from './connection-pool.ts'
import type { KafkaSettings } from './options.ts'
import type { ProducerId, ProducerIds } from './producer-ids.ts'
import type { Topology } from './topology.ts'

interface Entry {
  readonly message: MessageRecord
  readonly bytes: number
  readonly deadline: number
  readonly settle: (appended: Appended) => void
}

/** Why the broker refused a batch, and which of its records it names, if any. */
interface Rejection {
  readonly code: number
  readonly rejected: ReadonlySet<number>
}

/** A producer's id and epoch, and the sequence number of its next record. */
interface Producer {
  readonly topicId: string
  readonly id: bigint
  readonly epoch: number
  sequence: number
}

/** Half of what a broker takes in one batch (`message.max.bytes`, 1 MiB by default). */
const MAX_BATCH_BYTES = 512 * 1024
const MAX_BATCH_RECORDS = 10_000
/** All in-sync replicas. */
const ACKS_ALL = -1
/** The leader has the batch, and some in-sync replicas do not, or not yet. */
const TIMED_OUT = 7
const NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
/** Codes that say the broker does not know the sequence (any more). */
const UNKNOWN_SEQUENCE: ReadonlySet<number> = new Set([
  CODES.outOfOrderSequence,
  CODES.invalidProducerEpoch,
  CODES.unknownProducerId,
])
/** CLUSTER_AUTHORIZATION_FAILED: before Kafka 2.8 idempotence needed a right of its own. */
const NO_IDEMPOTENCE = 31

let lanes = 0

export class PartitionProducer {
  readonly #topic: string
  readonly #partition: number
  readonly #links: ConnectionPool
  readonly #topology: Topology
  readonly #floor: MonotonicEndOffset
  readonly #ids: ProducerIds
  readonly #settings: KafkaSettings
  readonly #number = lanes++
  #queue: Entry[] = []
  #running = false
  #producer: Producer | undefined

  constructor(
    { topic, partition }: TopicPartition,
    links: ConnectionPool,
    topology: Topology,
    floor: MonotonicEndOffset,
    ids: ProducerIds,
    settings: KafkaSettings,
  ) {
    this.#floor = floor
    this.#ids = ids
    this.#topic = topic
    this.#partition = partition
    this.#links = links
    this.#topology = topology
    this.#settings = settings
  }

  get idle(): boolean {
    return !this.#running
  }

  /** Resolves when all in-sync replicas have the record, or it was refused. Never rejects. */
  push(record: RecordToAppend, bytes: number, deadline: number): Promise<Appended> {
    return new Promise((settle) => {
      const message = messageOf(this.#topic, this.#partition, record)
      this.#queue.push({ message, bytes, deadline, settle })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    // Waits a turn, so that the records of one call go together.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#take()
      try {
        await this.#write(batch, batch[0]!.deadline)
      } catch (error) {
        const refusal = refusalFrom(error) as Refusal
        for (const { settle } of batch) settle({ refusal })
      }
    }
    this.#running = false
  }

  #take(): Entry[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#queue) {
      bytes += entry.bytes
      if (count > 0 && (bytes > MAX_BATCH_BYTES || count >= MAX_BATCH_RECORDS)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Settles every entry, or throws. */
  async #write(batch: readonly Entry[], deadline: number): Promise<void> {
    const backoff = new Backoff(deadline)
    // Whether the broker may have written an earlier try without an answer.
    let doubtful = false
    for (;;) {
      let code: number | undefined
      try {
        const told = await this.#attempt(batch, deadline, () => (doubtful = true))
        if (told === undefined) return
        code = told.code
        if (batch.length > 1 && (isTooLarge(code) || isWrong(code))) {
          return await this.#divide(batch, told, deadline)
        }
      } catch (error) {
        if (error instanceof KafkaFailure && !isForbidden(error) && !backoff.over) code = undefined
        else throw this.#given(error, doubtful)
      }
      const unknown = code !== undefined && UNKNOWN_SEQUENCE.has(code)
      if (unknown) this.#producer = undefined
      // Under another number the broker would write the batch twice, if it has written it: the lane leaves a
      // retry to its caller.
      const again = unknown ? !doubtful : code === undefined || isPassing(code)
      if (!again || backoff.over) throw this.#given(refusalOf(code ?? TIMED_OUT), doubtful)
      await backoff.wait()
      const topic = await this.#topology.refresh(this.#topic).catch(() => null)
      if (topic === undefined) throw new Refusal('unknown-topic', 'Topic not found.')
    }
  }

  /** Gives a batch up. If the broker may have written it, the next number is unknown: a new id begins. */
  #given(error: unknown, doubtful: boolean): unknown {
    if (doubtful) this.#producer = undefined
    return error
  }

  /** A wrong record must not fail the others: the lane sends the unnamed ones again, or halves. */
  async #divide(batch: readonly Entry[], { code, rejected }: Rejection, deadline: number): Promise<void> {
    for (const index of rejected) batch[index]?.settle({ refusal: refusalOf(code) })
    const rest = batch.filter((_, index) => !rejected.has(index))
    const middle = rejected.size > 0 ? rest.length : Math.ceil(rest.length / 2)
    for (const part of [rest.slice(0, middle), rest.slice(middle)]) {
      try {
        if (part.length > 0) await this.#write(part, deadline)
      } catch (error) {
        const refusal = refusalFrom(error) as Refusal
        for (const { settle } of part) settle({ refusal })
      }
    }
  }

  /** Settles the entries, or returns the broker's rejection. */
  async #attempt(
    batch: readonly Entry[],
    deadline: number,
    onDoubt: () => void,
  ): Promise<Rejection | undefined> {
    const { topic, leader } = await this.#topology.leader(this.#topic, this.#partition, deadline)
    const link = this.#links.producing(leader.address, this.#number)
    const producer =
      this.#producer?.topicId === topic.id ? this.#producer : await this.#register(link, topic.id, deadline)
    this.#producer = producer
    const ms = Math.max(1, Math.ceil(deadline - performance.now()))
    const messages = batch.map(({ message }) => message)
    const options = this.#options(producer)
    let answer
    try {
      answer = await link.request(PRODUCE, () => [ACKS_ALL, ms, messages, options], { ms })
    } catch (error) {
      onDoubt()
      throw error
    }
    const told = typeof answer === 'object' ? answer.responses[0]?.partitionResponses[0] : undefined
    if (!told) throw new KafkaFailure('The answer of the broker lacks the partition that was asked for.')
    if (told.errorCode === TIMED_OUT || told.errorCode === NOT_ENOUGH_REPLICAS_AFTER_APPEND) onDoubt()
    if (told.errorCode !== 0) {
      return {
        code: told.errorCode,
        rejected: new Set(told.recordErrors.map(({ batchIndex }) => batchIndex)),
      }
    }
    if (producer.id >= 0n) {
      const spareLink = this.#links.shared(leader.address, 'ids')
      this.#ids.fill(() => this.#newId(spareLink, this.#settings.requestTimeoutMs))
    }
    producer.sequence = (producer.sequence + batch.length) % 2 ** 31
    const end = Number(told.baseOffset) + batch.length
    this.#floor.raise({ id: topic.id, partition: this.#partition, epoch: leader.epoch, end })
    for (const [index, { message, settle }] of batch.entries()) {
      const timestamp = Number(told.logAppendTimeMs >= 0n ? told.logAppendTimeMs : message.timestamp)
      settle({ partition: this.#partition, offset: Number(told.baseOffset) + index, timestamp })
    }
    return undefined
  }

  async #register(link: BrokerConnection, topicId: string, deadline: number): Promise<Producer> {
    const ms = Math.max(1, Math.ceil(deadline - performance.now()))
    try {
      return { topicId, ...(await this.#newId(link, ms)), sequence: 0 }
    } catch (error) {
      const code = error instanceof KafkaFailure ? error.code : undefined
      if (code === NO_IDEMPOTENCE) return { topicId, id: -1n, epoch: -1, sequence: -1 }
      // The broker answers, and has no id to give.
      const spare = code !== undefined && isPassing(code) ? this.#ids.take() : undefined
      if (!spare) throw error
      return { topicId, ...spare, sequence: 0 }
    }
  }

  async #newId(link: BrokerConnection, ms: number): Promise<ProducerId> {
    const answer = await link.request(INIT_PRODUCER_ID, () => [null, this.#settings.requestTimeoutMs], { ms })
    if (answer.errorCode !== 0) throw new KafkaFailure('InitProducerId failed.', { code: answer.errorCode })
    return { id: answer.producerId, epoch: answer.producerEpoch }
  }

  #options({ id, epoch, sequence }: Producer): Partial<CreateRecordsBatchOptions> {
    return {
      producerId: id,
      producerEpoch: epoch,
      sequences: new NumericMap([[`${this.#topic}:${this.#partition}`, sequence]]),
      partitionLeaderEpoch: -1,
    }
  }
}

function messageOf(topic: string, partition: number, record: RecordToAppend): MessageRecord {
  const { key, value, timestamp, headers = [] } = record
  return {
    topic,
    partition,
    timestamp: BigInt(timestamp ?? Date.now()),
    ...(key && { key: bufferOf(key) }),
    // The writer of records knows null, a tombstone; its types do not.
    value: (value && bufferOf(value)) as Buffer,
    // A map of buffers keeps two headers of one name apart.
    headers: new Map(
      headers.map((header) => [Buffer.from(header.name), (header.value && bufferOf(header.value)) as Buffer]),
    ),
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
