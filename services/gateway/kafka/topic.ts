/** A topic as brokers describe it: its partitions, their leaders, and the replicas that may lead. @module */
import { Buffer } from 'node:buffer'
import { performance } from 'node:perf_hooks'
import type { MetadataAnswer } from './requests.ts'
import { CODES, KafkaFailure } from './failure.ts'
import type { Address } from './options.ts'

export interface Node extends Address {
  readonly id: number
}

export interface Leader {
  readonly id: number
  readonly address: Address
  readonly epoch: number
}

/** A broker's answer about the replicas of a partition. */
interface Seat {
  /** The epoch of the leader, or of the time without one. */
  readonly epoch: number
  /** The ids of those that have the partition, in sync or not. */
  readonly replicas: readonly number[]
  /** The replicas that may be elected; `undefined` for one that the broker does not list. */
  readonly inSync: readonly (Node | undefined)[]
  /** When the answer arrived, on the monotonic clock. */
  readonly at: number
}

export interface Topic {
  readonly name: string
  /** As Kafka writes it in UUID form, lower case. */
  readonly id: string
  readonly partitions: number
  /** By partition; absent while there is no leader. */
  readonly leaders: readonly (Leader | undefined)[]
  /** By partition. */
  readonly seats: readonly Seat[]
}

/** A topic's id as Kafka's own tools print it: base64url, 22 characters. */
export const logIdOf = ({ id }: Topic): string =>
  Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')

/**
 * An epoch that no broker has named for so long no longer counts: a restored cluster counts its epochs anew.
 */
const EPOCH_AGE_MS = 60_000

export const nodeOf = ({ nodeId, host, port }: MetadataAnswer['brokers'][number]): Node => ({
  id: nodeId,
  host,
  port,
})

/** `undefined` for a topic that is not there. @throws KafkaFailure where the broker cannot tell. */
export function topicOf(name: string, { topics, brokers }: MetadataAnswer): Topic | undefined {
  const found = topics.find((topic) => topic.name === name)
  const code = found?.errorCode ?? CODES.unknownTopic
  if (!found || code === CODES.unknownTopic || code === CODES.invalidTopic) return undefined
  // Without leaders a topic is still there: LEADER_NOT_AVAILABLE comes with its partitions.
  if (code !== 0 && found.partitions.length === 0) {
    throw new KafkaFailure('The broker does not describe the topic.', { code })
  }
  const nodes = new Map(brokers.map((broker) => [broker.nodeId, nodeOf(broker)]))
  const at = performance.now()
  const leaders: (Leader | undefined)[] = []
  const seats: Seat[] = []
  for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes, isrNodes } of found.partitions) {
    const node = nodes.get(leaderId)
    leaders[partitionIndex] = node && { id: node.id, address: node, epoch: leaderEpoch }
    seats[partitionIndex] = {
      epoch: leaderEpoch,
      replicas: replicaNodes,
      inSync: isrNodes.map((id) => nodes.get(id)),
      at,
    }
  }
  return { name, id: found.topicId, partitions: found.partitions.length, leaders, seats }
}

/** A broker that answers with an older epoch has not heard of the known one yet, so the known one stays. */
export function newer(known: Topic, told: Topic): Topic {
  const stays = known.seats.map(
    ({ epoch, at }, partition) =>
      epoch > (told.seats[partition]?.epoch ?? epoch) && performance.now() - at < EPOCH_AGE_MS,
  )
  if (!stays.includes(true)) return told
  const pick = <T>(ours: readonly T[], theirs: readonly T[]): T[] =>
    theirs.map((one, partition) => (stays[partition] ? ours[partition]! : one))
  return { ...told, leaders: pick(known.leaders, told.leaders), seats: pick(known.seats, told.seats) }
}
