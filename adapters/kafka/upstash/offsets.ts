/** The bounds of partitions by `/offsets/earliest` and `/offsets/latest`: two requests, however many there are. @module */
import type { Kafka } from '@upstash/kafka'
import * as z from 'zod/mini'
import { once } from '../../../src/runtime/once.ts'
import { KedgeError } from '../../../src/ports/errors.ts'
import type { PartitionOffsets } from '../../../src/ports/kafka-log.ts'
import { listOf, MAX_PARTITIONS, offsetShape } from '../rest/validation.ts'

const offsetsAnswer = once(() =>
  listOf(
    z.object({
      topic: z.string(),
      partition: offsetShape(),
      offset: offsetShape(),
      // Only the gateway sends it.
      logId: z.optional(z.string()),
    }),
  ),
)

type Sample = z.infer<ReturnType<typeof offsetsAnswer>>[number]
const topicsAnswer = once(() => z.record(z.string(), z.unknown()))

const partitionCount = once(() => z.int().check(z.gte(1), z.lte(MAX_PARTITIONS)))

const protocol = (cause: unknown) =>
  new KedgeError('ERR_PROTOCOL', 'reading offsets: the answer is not what the protocol promises', { cause })

export async function partitionsOf(kafka: Kafka, topic: string): Promise<number[]> {
  const topics = topicsAnswer().safeParse(await kafka.admin().topics())
  if (!topics.success) throw protocol(topics.error)
  if (!Object.hasOwn(topics.data, topic)) {
    throw new KedgeError('ERR_UNKNOWN_TOPIC', 'reading offsets: there is no such topic')
  }
  const partitions = partitionCount().safeParse(topics.data[topic])
  if (!partitions.success) throw protocol(partitions.error)
  return Array.from({ length: partitions.data }, (_, partition) => partition)
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
    if (beginning === undefined || last === undefined) throw protocol('a partition is missing')
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
  const answer = offsetsAnswer().safeParse(
    await kafka.admin().topicPartitionOffsets({ timestamp, topicPartitions }),
  )
  if (!answer.success) throw protocol(answer.error)
  return new Map(answer.data.filter((one) => one.topic === topic).map((one) => [one.partition, one]))
}
