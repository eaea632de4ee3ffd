/** The bounds of partitions by `/offsets/earliest` and `/offsets/latest`: two requests, however many there are. @module */
import type { Kafka } from '@upstash/kafka'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import { fields, int, listOf, offsetShape, optional, promised, type Shape, text } from '../../answer-shape.ts'
import { MAX_PARTITIONS } from '../rest/offsets.ts'

interface Sample {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Only the gateway sends it. */
  readonly logId: string | undefined
}

const offsetsAnswer = listOf(
  fields<Sample>({ topic: text, partition: offsetShape, offset: offsetShape, logId: optional(text) }),
)
const topicsAnswer: Shape<Readonly<Record<string, unknown>>> = fields({})
const partitionCount: Shape<number> = (value) =>
  int(value) ??
  ((value as number) < 1 || (value as number) > MAX_PARTITIONS ? 'is no number of partitions' : undefined)

const DOING = 'reading offsets'
const incomplete = () =>
  new KedgeError('ERR_PROTOCOL', `${DOING}: the answer is not what the protocol promises`, {
    cause: new TypeError('a partition is missing'),
  })

export async function partitionsOf(kafka: Kafka, topic: string): Promise<number[]> {
  const topics = promised(await kafka.admin().topics(), topicsAnswer, DOING)
  // As a field of an object that name may be a prototype: of such a topic the adapter knows nothing.
  if (topic === '__proto__' || !Object.hasOwn(topics, topic)) {
    throw new KedgeError('ERR_UNKNOWN_TOPIC', `${DOING}: there is no such topic`)
  }
  const length = promised(topics[topic], partitionCount, DOING)
  return Array.from({ length }, (_, partition) => partition)
}

/** The bounds of each partition, sampled after the call began. */
export async function boundsOf(
  kafka: Kafka,
  topic: string,
  partitions: readonly number[],
): Promise<PartitionOffsets[]> {
  const [beginnings, ends] = await Promise.all([
    sample(kafka, 'earliest', topic, partitions),
    sample(kafka, 'latest', topic, partitions),
  ])
  return partitions.map((partition) => {
    const beginning = beginnings.get(partition)?.offset
    const last = ends.get(partition)
    if (beginning === undefined || last === undefined) throw incomplete()
    // Two moments: retention may have emptied the partition between them.
    const end = Math.max(beginning, last.offset)
    return { partition, beginning, end, ...(last.logId === undefined ? {} : { logId: last.logId }) }
  })
}

async function sample(
  kafka: Kafka,
  timestamp: 'earliest' | 'latest',
  topic: string,
  partitions: readonly number[],
): Promise<Map<number, Sample>> {
  const topicPartitions = partitions.map((partition) => ({ topic, partition }))
  const answer: unknown = await kafka.admin().topicPartitionOffsets({ timestamp, topicPartitions })
  const samples = promised(answer, offsetsAnswer, DOING)
  return new Map(samples.filter((one) => one.topic === topic).map((one) => [one.partition, one]))
}
