import { performance } from 'node:perf_hooks'
import { describe, expect, it, vi } from 'vitest'
import type { MetadataAnswer } from '../../../../services/gateway/kafka/requests.ts'
import { newer, topicOf } from '../../../../services/gateway/kafka/topic.ts'

const told = (...partitions: readonly { readonly leader: number; readonly epoch: number }[]) => {
  const answer = {
    brokers: [1, 2].map((nodeId) => ({ nodeId, host: `kafka-${nodeId}`, port: 9092, rack: null })),
    topics: [
      {
        errorCode: 0,
        name: 't',
        topicId: 'log',
        partitions: partitions.map(({ leader, epoch }, partitionIndex) => ({
          partitionIndex,
          leaderId: leader,
          leaderEpoch: epoch,
          replicaNodes: [1, 2, 3],
          isrNodes: [1, 2, 3],
        })),
      },
    ],
  }
  return topicOf('t', answer as unknown as MetadataAnswer)!
}

describe('What a broker says of a topic', () => {
  it('names the leader and the replicas: of a broker that is not listed only that there is one', () => {
    const { leaders, seats } = told({ leader: 2, epoch: 4 }, { leader: -1, epoch: 5 })
    expect(leaders).toEqual([{ id: 2, epoch: 4, address: { id: 2, host: 'kafka-2', port: 9092 } }, undefined])
    expect(seats[1]).toMatchObject({
      epoch: 5,
      replicas: [1, 2, 3],
      inSync: [{ id: 1 }, { id: 2 }, undefined],
    })
  })

  it('does not bring back a leader that another has followed, partition by partition', () => {
    const known = told({ leader: 2, epoch: 5 }, { leader: 1, epoch: 1 }, { leader: -1, epoch: 8 })
    const after = newer(
      known,
      told({ leader: 1, epoch: 4 }, { leader: 2, epoch: 2 }, { leader: 1, epoch: 7 }),
    )
    expect(after.leaders.map((leader) => leader?.id)).toEqual([2, 2, undefined])
    expect(after.seats.map(({ epoch }) => epoch)).toEqual([5, 2, 8])
  })

  it('counts again when no broker has named the later epoch for a minute: the cluster was set back', () => {
    const now = vi.spyOn(performance, 'now').mockReturnValue(1000)
    const known = told({ leader: 2, epoch: 5 })
    now.mockReturnValue(60_000)
    const kept = newer(known, told({ leader: 1, epoch: 4 }))
    expect(kept.leaders[0]?.id).toBe(2)
    now.mockReturnValue(62_000)
    expect(newer(kept, told({ leader: 1, epoch: 4 })).leaders[0]?.id).toBe(1)
  })
})
