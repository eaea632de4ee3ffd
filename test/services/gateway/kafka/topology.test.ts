/** Which brokers are asked for a topic's leaders, and when. */
import { performance } from 'node:perf_hooks'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConnectionPool } from '../../../../services/gateway/kafka/connection-pool.ts'
import { KafkaFailure } from '../../../../services/gateway/kafka/failure.ts'
import { settingsOf } from '../../../../services/gateway/kafka/options.ts'
import type { Address } from '../../../../services/gateway/kafka/options.ts'
import { Topology } from '../../../../services/gateway/kafka/topology.ts'

interface Says {
  readonly leader: number
  readonly epoch: number
}

describe('A topic that is looked up again and again', () => {
  let now: number
  let asked: string[]
  /** What each broker says; nothing for one that does not answer. */
  let says: Map<string, Says>
  let topology: Topology

  beforeEach(() => {
    now = 1000
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    asked = []
    says = new Map(['kafka-1', 'kafka-2', 'kafka-3'].map((host) => [host, { leader: 1, epoch: 5 }]))
    const shared = (address: Address) => ({
      address,
      request: async () => {
        asked.push(address.host)
        await Promise.resolve()
        const word = says.get(address.host)
        if (!word) throw new KafkaFailure('The broker did not answer in time.')
        return answerOf(word)
      },
    })
    const settings = settingsOf({ brokers: ['kafka-1:9092', 'kafka-2:9092', 'kafka-3:9092'] })
    topology = new Topology({ shared } as unknown as ConnectionPool, settings)
  })

  const answerOf = ({ leader, epoch }: Says) => ({
    brokers: [1, 2, 3].map((nodeId) => ({ nodeId, host: `kafka-${nodeId}`, port: 9092, rack: null })),
    clusterId: 'cluster',
    topics: [
      {
        errorCode: 0,
        name: 't',
        topicId: 'log',
        partitions: [
          {
            partitionIndex: 0,
            leaderId: leader,
            leaderEpoch: epoch,
            replicaNodes: [1, 2, 3],
            isrNodes: [1, 2, 3],
          },
        ],
      },
    ],
  })

  /** The id of the leader, two seconds later. */
  const look = async () => {
    const { leader } = await topology.leader('t', 0, now + 1000)
    now += 2000
    return leader.id
  }

  it('is asked of the others in sync in turn, one in two seconds, not of its leader', async () => {
    await topology.find('t')
    now += 2000
    for (let n = 0; n < 4; n++) {
      await Promise.all([topology.find('t'), topology.find('t')])
      now += 2000
    }
    expect(asked).toEqual(['kafka-1', 'kafka-2', 'kafka-3', 'kafka-2', 'kafka-3'])
  })

  it('names the new leader though the old one goes on to say that it leads', async () => {
    expect(await look()).toBe(1)
    says.set('kafka-3', { leader: 3, epoch: 6 })
    const seen = [await look(), await look()]
    expect(seen.at(-1)).toBe(3)
    // A broker that has not heard of the change alters nothing.
    await topology.refresh('t')
    expect(asked.at(-1)).toBe('kafka-1')
    for (let n = 0; n < 4; n++) expect(await look()).toBe(3)
  })

  it('comes from another broker when the next in turn does not answer, which is then not asked', async () => {
    await look()
    says.delete('kafka-2')
    asked = []
    for (let n = 0; n < 4; n++) expect(await look()).toBe(1)
    expect(asked.filter((host) => host === 'kafka-2')).toHaveLength(1)
    expect(asked.slice(0, 2)).toEqual(['kafka-2', 'kafka-1'])
    now += 10_000
    asked = []
    for (let n = 0; n < 2; n++) await look()
    expect(asked).toContain('kafka-2')
  })
})
