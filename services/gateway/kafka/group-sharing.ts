/**
 * The messages of members through the coordinator (`ConsumerProtocol` of Kafka's clients), and the
 * assignment.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from '@platformatic/kafka'
import type { TopicPartition } from '../topic-position.ts'
import { rangeAssign } from '../range-assignor.ts'
import { KafkaFailure } from './failure.ts'
import type { JoinAnswer } from './group-apis.ts'
import type { Topology } from './topology.ts'

export const PROTOCOL_TYPE = 'consumer'
/** The assignor that Java's consumer and librdkafka offer by default, too. */
export const PROTOCOL = 'range'
/** The version that all of these clients read. */
const VERSION = 0

export const subscriptionTo = (topics: readonly string[]): Buffer =>
  encodeConsumerProtocolSubscription({ version: VERSION, topics: [...topics], userData: Buffer.alloc(0) })

export interface Sharing {
  readonly assignments: { memberId: string; assignment: Buffer }[]
  readonly counted: ReadonlyMap<string, number>
}

/** The leader's assignment: a share for each member, and how many partitions each topic has now. */
export async function assignmentsOf(members: JoinAnswer['members'], topology: Topology): Promise<Sharing> {
  const topics = new Map(members.map(({ memberId, metadata }) => [memberId, topicsIn(metadata)]))
  const counted = new Map<string, number>()
  for (const topic of new Set([...topics.values()].flat())) {
    counted.set(topic, (await topology.refresh(topic))?.partitions ?? 0)
  }
  const assignments = [...rangeAssign(topics, counted)].map(([memberId, partitions]) => ({
    memberId,
    assignment: assignmentOf(partitions),
  }))
  return { assignments, counted }
}

/** @throws KafkaFailure for an assignment that cannot be read. */
export function partitionsIn(assignment: Buffer): TopicPartition[] {
  try {
    const { assignedPartitions } = decodeConsumerProtocolAssignment(assignment)
    return assignedPartitions.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
  } catch (cause) {
    throw new KafkaFailure('The leader of the group has sent no assignment that can be read.', { cause })
  }
}

/** A member whose subscription cannot be read gets no partitions. */
function topicsIn(subscription: Buffer): string[] {
  try {
    return decodeConsumerProtocolSubscription(subscription).topics
  } catch {
    return []
  }
}

function assignmentOf(partitions: readonly TopicPartition[]): Buffer {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition])
  const assignedPartitions = [...topics].map(([topic, own]) => ({ topic, partitions: own }))
  return encodeConsumerProtocolAssignment({ version: VERSION, assignedPartitions })
}
