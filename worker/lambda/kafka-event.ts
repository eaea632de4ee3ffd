/**
 * Kafka as Lambda hands it over: the events of an event source mapping, of Amazon MSK or of a cluster of one's own.
 *
 * Shape: AWS Lambda Developer Guide, "Using Lambda with Apache Kafka" and "… with Amazon MSK". A record without a key
 * or a value has `null` there, or nothing (aws-powertools/powertools-lambda-typescript, issue 4988); the bytes of a
 * header are signed (awslabs/aws-lambda-rust-runtime, `lambda-events`, `kafka`).
 *
 * @module
 */
import * as z from 'zod/mini'
import { eventBytes } from '../../adapters/events/event-bytes.ts'
import { once } from '../../src/runtime/once.ts'
import { issueMessage } from '../../src/api/issue-message.ts'
import { KedgeError } from '../../src/ports/errors.ts'
import type { LogHeader, LogRecord } from '../../src/ports/kafka-log.ts'

/** As logs tell them. */
export type KafkaHeader = LogHeader

export interface KafkaEventRecord extends LogRecord {
  readonly topic: string
  /** In the order in which they came. Those that cannot be read are left out. */
  readonly headers: readonly KafkaHeader[]
}

/** A record that cannot be read. */
export interface PoisonRecord {
  /** As in the event: the topic, `-`, the number of the partition. */
  readonly partition: string
  /** Where it could be read. */
  readonly offset: number | undefined
  readonly says: string
}

export interface KafkaEvent {
  /** By topic, in the order in which they came. */
  readonly records: ReadonlyMap<string, readonly KafkaEventRecord[]>
  readonly poison: readonly PoisonRecord[]
}

const offset = once(() => z.int().check(z.nonnegative()))

// Signed where Java wrote them; others may not.
const headers = once(() =>
  z.catch(
    z.nullish(z.array(z.record(z.string(), z.nullable(z.array(z.int().check(z.gte(-128), z.lte(255))))))),
    undefined,
  ),
)

const record = once(() =>
  z.object({
    topic: z.string().check(z.minLength(1)),
    partition: offset(),
    offset: offset(),
    timestamp: z.catch(z.optional(z.number()), undefined),
    key: eventBytes,
    value: eventBytes,
    headers: headers(),
  }),
)

const shape = once(() => z.object({ records: z.record(z.string(), z.array(z.unknown())) }))

const whereabouts = once(() => z.object({ offset: offset() }))

/**
 * The records of an event. `poison` lists those that cannot be read; they do not hold back the others.
 *
 * @throws KedgeError `ERR_PROTOCOL` when it is no event of Kafka's.
 * @example
 * ```ts
 * import { readKafkaEvent } from 'kedge/lambda'
 *
 * export const handler = async (event: unknown) => {
 *   const { records, poison } = readKafkaEvent(event)
 *   for (const { key, value, headers } of records.get('orders') ?? []) console.log(key, value, headers)
 *   return poison.length
 * }
 * ```
 */
export function readKafkaEvent(event: unknown): KafkaEvent {
  const read = shape().safeParse(event)
  if (!read.success) throw new KedgeError('ERR_PROTOCOL', 'this is not a Kafka event of Lambda')
  const records = new Map<string, KafkaEventRecord[]>()
  const poison: PoisonRecord[] = []
  for (const [partition, given] of Object.entries(read.data.records)) {
    for (const each of given) {
      const said = readRecord(each, partition)
      if (typeof said === 'string') {
        poison.push({ partition, offset: whereabouts().safeParse(each).data?.offset, says: said })
      } else {
        const own = records.get(said.topic)
        if (own) own.push(said)
        else records.set(said.topic, [said])
      }
    }
  }
  return { records, poison }
}

/** The record, or why it cannot be read. */
function readRecord(given: unknown, group: string): KafkaEventRecord | string {
  const read = record().safeParse(given, { error: issueMessage })
  if (!read.success) {
    const { path, message } = read.error.issues[0]!
    return `${path.join('.') || 'the record'}: ${message}`
  }
  const { topic, partition, timestamp, headers: raw, ...rest } = read.data
  if (`${topic}-${partition}` !== group) return 'it stands among the records of another partition'
  return {
    ...rest,
    topic,
    partition,
    headers: (raw ?? []).flatMap((header) =>
      Object.entries(header).map(([name, bytes]): KafkaHeader => [name, bytes && Uint8Array.from(bytes)]),
    ),
    ...(timestamp !== undefined && { timestamp }),
  }
}
