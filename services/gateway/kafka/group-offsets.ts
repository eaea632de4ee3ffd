/** The offsets that groups have committed. @module */
import { performance } from 'node:perf_hooks'
import type { TopicPartition } from '../topic-position.ts'
import { membersOnly, notAssigned } from '../groups.ts'
import type { GroupOffset } from '../groups.ts'
import { Refusal } from '../refusal.ts'
import type { Coordinators } from './coordinators.ts'
import { CODES, refusalOf } from './failure.ts'
import { refusalInGroup } from './group-failure.ts'
import { GROUP_CODES, OFFSET_COMMIT, OFFSET_FETCH } from './group-apis.ts'
import type { KafkaSettings } from './options.ts'

/** The committer: a member in its generation, or a client that is no member. */
export interface Committer {
  readonly id: string
  readonly generation: number
}

export const NO_MEMBER: Committer = { id: '', generation: -1 }

/** OFFSET_METADATA_TOO_LARGE. */
const METADATA_TOO_LARGE = 12
const NOT_ASSIGNED: ReadonlySet<number> = new Set([
  GROUP_CODES.illegalGeneration,
  GROUP_CODES.unknownMember,
  GROUP_CODES.rebalance,
  GROUP_CODES.fenced,
])

export class GroupOffsets {
  readonly #coordinators: Coordinators
  readonly #settings: KafkaSettings

  constructor(coordinators: Coordinators, settings: KafkaSettings) {
    this.#coordinators = coordinators
    this.#settings = settings
  }

  /** @throws Refusal `not-assigned`, `not-hosted`, `invalid`, `unavailable`. */
  async commit(
    group: string,
    by: Committer,
    offsets: readonly GroupOffset[],
    ms: number = this.#settings.requestTimeoutMs,
  ): Promise<void> {
    const topics = byTopic(offsets).map(([name, own]) => ({
      name,
      partitions: own.map(({ partition, offset, metadata = '' }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      })),
    }))
    const deadline = performance.now() + ms
    try {
      const codesOf = (answer: { readonly topics: readonly { readonly partitions: readonly Coded[] }[] }) =>
        answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
      const answer = await this.#coordinators.call(
        group,
        OFFSET_COMMIT,
        [group, by.generation, by.id, null, topics],
        { codeOf: (said) => codesOf(said)[0] ?? 0, deadline },
      )
      const code = codesOf(answer).find((one) => one !== 0)
      if (code !== undefined) throw refusalOfCommit(code, by)
    } catch (error) {
      throw refusalInGroup(error, group, topicsOf(offsets))
    }
  }

  /** The committed offsets, for the partitions that have one. */
  async committed(group: string, partitions: readonly TopicPartition[]): Promise<GroupOffset[]> {
    const topics = byTopic(partitions).map(([name, own]) => ({
      name,
      partitionIndexes: own.map(({ partition }) => partition),
    }))
    const deadline = performance.now() + this.#settings.requestTimeoutMs
    try {
      const answer = await this.#coordinators.call(
        group,
        OFFSET_FETCH,
        [[{ groupId: group, topics }], true],
        {
          codeOf: (said) =>
            said.errorCode ||
            said.topics.flatMap((topic) => topic.partitions).find(isUnstable)?.errorCode ||
            0,
          deadline,
        },
      )
      if (answer.errorCode !== 0) throw refusalOf(answer.errorCode)
      return answer.topics.flatMap(({ name, partitions: own }) =>
        own.flatMap(({ partitionIndex, committedOffset, metadata, errorCode }) => {
          if (errorCode !== 0) throw refusalOf(errorCode)
          const offset = Number(committedOffset)
          return offset < 0
            ? []
            : { topic: name, partition: partitionIndex, offset, metadata: metadata ?? '' }
        }),
      )
    } catch (error) {
      throw refusalInGroup(error, group, topicsOf(partitions))
    }
  }
}

interface Coded {
  readonly errorCode: number
}

const isUnstable = ({ errorCode }: Coded): boolean => errorCode === GROUP_CODES.unstable

const topicsOf = (partitions: readonly TopicPartition[]): string[] => [
  ...new Set(partitions.map(({ topic }) => topic)),
]

function byTopic<T extends TopicPartition>(all: readonly T[]): [string, T[]][] {
  const topics = new Map<string, T[]>()
  for (const one of all) {
    const own = topics.get(one.topic)
    if (own) own.push(one)
    else topics.set(one.topic, [one])
  }
  return [...topics]
}

function refusalOfCommit(code: number, by: Committer): Refusal {
  if (NOT_ASSIGNED.has(code)) return by.id === '' ? membersOnly() : notAssigned()
  if (code === CODES.unknownTopic)
    return new Refusal('not-hosted', 'This server does not host this topic-partition.')
  if (code === METADATA_TOO_LARGE)
    return new Refusal('invalid', 'The metadata is longer than the cluster accepts.')
  return refusalOf(code)
}
