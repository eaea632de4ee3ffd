/** Which brokers are asked before a leader's answer is used, and what becomes of the answer. */
import { beforeEach, describe, expect, it } from 'vitest'
import { KafkaFailure } from '../../../../services/gateway/kafka/failure.ts'
import { Liveness } from '../../../../services/gateway/kafka/liveness.ts'
import type { Node, Topic } from '../../../../services/gateway/kafka/topic.ts'
import { LeaderFencing, type ReplicaAnswer } from '../../../../services/gateway/kafka/leader-fencing.ts'

const NODES: readonly Node[] = [1, 2, 3, 4].map((id) => ({ id, host: `kafka-${id}`, port: 9092 }))
const node = (id: number): Node => NODES[id - 1]!
const nameOf = ({ host, port }: Node) => `${host}:${port}`

interface Described {
  readonly epoch?: number
  readonly inSync?: readonly number[]
  readonly replicas?: readonly number[]
  readonly id?: string
}

const topicOf = ({ epoch = 5, inSync = [1, 2, 3], replicas = [1, 2, 3], id = 'log' }: Described): Topic => ({
  name: 't',
  id,
  partitions: 1,
  leaders: [{ id: 1, address: node(1), epoch }],
  seats: [{ epoch, replicas, inSync: inSync.map((one) => (one > 4 ? undefined : node(one))), at: 0 }],
})

describe('A leader that answers an end', () => {
  let now: number
  /** What each broker answers; no entry for one that does not answer. */
  let says: Map<number, Described>
  let words: Map<string, ReplicaAnswer>
  let asked: number[]
  let liveness: Liveness
  let witnesses: LeaderFencing

  beforeEach(() => {
    now = 1000
    says = new Map([2, 3].map((id) => [id, {}]))
    words = new Map()
    asked = []
    liveness = new Liveness(3000, () => ({ monotonic: now, wall: now }))
    witnesses = new LeaderFencing(
      {
        words: () => words,
        known: () => NODES.filter(({ id }) => id === 1 || says.has(id)),
        ask: async (one) => {
          asked.push(one.id)
          const word = { asked: now, topic: topicOf(says.get(one.id) ?? {}) }
          now += 1
          await Promise.resolve()
          if (!says.has(one.id)) throw new KafkaFailure('The broker did not answer in time.')
          words.set(nameOf(one), word)
          return word
        },
      },
      liveness,
    )
  })

  /** Asks the leader, which answers after `ms`; returns what becomes of its answer. */
  const poll = async (described: Described = {}, ms = 2) => {
    const began = now
    const question = liveness.now()
    now += ms
    liveness.answered(nameOf(node(1)), question)
    const topic = topicOf(described)
    const statement = { topic, partition: 0, leader: topic.leaders[0]!, began }
    const before = asked.length
    const trusted = witnesses.trusts(statement)
    const told = await witnesses.vouch(statement).then(
      () => 'told',
      (error: unknown) => (error instanceof KafkaFailure ? (error.code ?? 'unknown') : error),
    )
    expect(trusted).toBe(told === 'told' && asked.length === before && trusted)
    return told
  }

  it('is accepted when each of the others in sync knows of no later epoch', async () => {
    expect(await poll()).toBe('told')
    expect(asked).toEqual([2, 3])
  })

  it('costs nothing more for as long as it is not silent', async () => {
    await poll()
    for (let n = 0; n < 1000; n++) {
      now += 1000
      expect(await poll()).toBe('told')
    }
    expect(asked).toHaveLength(2)
  })

  it('is refused when one of the others knows of a later epoch', async () => {
    says.set(3, { epoch: 6 })
    expect(await poll()).toBe(74)
    expect(await poll()).toBe(74)
  })

  it('is refused when it wakes, also if it was accepted before, until another broker confirms it', async () => {
    expect(await poll()).toBe('told')
    now += 10_000
    says.set(2, { epoch: 6, inSync: [2, 3] })
    expect(await poll({}, 1)).toBe(74)
    expect(await poll({}, 1)).toBe(74)
    for (const id of [2, 3]) says.set(id, { epoch: 7 })
    expect(await poll({ epoch: 7 })).toBe('told')
    expect(await poll({}, 1)).toBe(74)
  })

  it('is refused when its answer itself was long in coming', async () => {
    expect(await poll()).toBe('told')
    says.set(2, { epoch: 6 })
    expect(await poll({}, 10_000)).toBe(74)
  })

  it('needs a new confirmation after its silence, not one from during it', async () => {
    await poll()
    now += 10_000
    words.set(nameOf(node(2)), { asked: now - 10, topic: topicOf({}) })
    words.set(nameOf(node(3)), { asked: now - 10, topic: topicOf({}) })
    says.set(3, { epoch: 6 })
    expect(await poll()).toBe(74)
  })

  it('is accepted, for one call only, when another call has stored confirmations since it began', async () => {
    const began = now
    now += 1
    for (const id of [2, 3]) words.set(nameOf(node(id)), { asked: now, topic: topicOf({}) })
    now += 5
    liveness.answered(nameOf(node(1)), { monotonic: now - 2, wall: now - 2 })
    const topic = topicOf({})
    await witnesses.vouch({ topic, partition: 0, leader: topic.leaders[0]!, began })
    expect(asked).toEqual([])
    now += 1
    says.set(2, { epoch: 6 })
    expect(await poll()).toBe(74)
  })

  it('is confirmed by brokers that do not yet know its epoch', async () => {
    says.set(2, { epoch: 4 })
    expect(await poll()).toBe('told')
  })

  it('needs no new confirmation when it leads under a later epoch, and was not silent', async () => {
    await poll()
    expect(await poll({ epoch: 7 })).toBe('told')
    expect(asked).toHaveLength(2)
  })

  it('is refused when the topic is another one by now', async () => {
    says.set(2, { id: 'another' })
    expect(await poll()).toBe(74)
  })

  it('is confirmed also by brokers that only the others name as in sync', async () => {
    says.set(2, { inSync: [1, 2, 3] })
    says.set(3, { epoch: 6 })
    expect(await poll({ inSync: [1, 2] })).toBe(74)
    expect(asked).toEqual([2, 3])
  })

  it.each([
    ['does not answer', [1, 2, 3]],
    ['is not listed', [1, 2, 9]],
  ])('is accepted by a majority of the replicas when one in sync %s', async (_, inSync) => {
    says.delete(3)
    says.set(2, { inSync })
    expect(await poll({ inSync })).toBe('told')
  })

  it('is not accepted without a majority', async () => {
    says.clear()
    expect(await poll()).toBe('unknown')
    says.set(2, { inSync: [1, 2], replicas: [1, 2] })
    expect(await poll({ inSync: [1, 2], replicas: [1, 2] })).toBe('told')
    now += 10_000
    says.clear()
    expect(await poll({ inSync: [1, 2], replicas: [1, 2] })).toBe('unknown')
  })

  it('is not confirmed by brokers that have no replica in place of one that is silent', async () => {
    says = new Map([[4, { inSync: [1, 2] }]])
    expect(await poll({ inSync: [1] })).toBe('unknown')
  })

  it('is accepted without a question when it is the only replica', async () => {
    expect(await poll({ replicas: [1], inSync: [1] })).toBe('told')
    now += 100_000
    expect(await poll({ replicas: [1], inSync: [1] })).toBe('told')
    expect(asked).toEqual([])
  })

  it('that is alone in sync is accepted when each broker that answers confirms it, or none answers', async () => {
    says = new Map([[4, { inSync: [1] }]])
    expect(await poll({ inSync: [1] })).toBe('told')
    says.set(4, { inSync: [2], epoch: 6 })
    now += 10_000
    expect(await poll({ inSync: [1] })).toBe(74)
    says.clear()
    expect(await poll({ inSync: [1] })).toBe('told')
    const count = asked.length
    expect(await poll({ inSync: [1] })).toBe('told')
    expect(asked).toHaveLength(count)
  })
})
