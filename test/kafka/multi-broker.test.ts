/** What becomes of writes, reads and long polls while the brokers of a cluster fail, move and come back. */
import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { isKedgeError } from '../../src/index.ts'
import type { KafkaLog, LogRecord } from '../../src/ports/kafka-log.ts'
import { withoutKafka } from './broker.ts'
import { type Brokers, startBrokers } from './brokers.ts'
import { createPlaced } from './placed-topic.ts'

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)
const text = ({ value }: { readonly value: Uint8Array | null }): string => Buffer.from(value ?? []).toString()
/** Longer than any test may take: a poll that does not wake fails. */
const A_LONG_TIME = 120_000
const AT_ONCE = { maxBytes: 10_000_000, waitMs: 0 }
/** As a client that waits for a broker to come back. */
const PATIENT = { timeout: 90_000, interval: 50 }
/**
 * Brokers that stand still for a second because others compute must not be taken for dead: the cluster would elect
 * leaders and controllers for ever.
 */
const STEADY = {
  'broker.session.timeout.ms': '6000',
  'broker.heartbeat.interval.ms': '500',
  'controller.quorum.election.timeout.ms': '2000',
  'controller.quorum.fetch.timeout.ms': '4000',
  'replica.lag.time.max.ms': '5000',
}

describe.skipIf(withoutKafka())('A cluster of three brokers', { timeout: 240_000 }, () => {
  let brokers: Brokers
  let cluster: KafkaCluster
  let admin: Admin
  let gateway: Omit<RunningGateway, 'log'> | undefined
  let log: KafkaLog
  let topics = 0

  beforeAll(async () => {
    brokers = await startBrokers(3, STEADY)
    cluster = kafkaCluster({ brokers: brokers.ids.map(brokers.address), requestTimeoutMs: 60_000 })
    admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.ids.map(brokers.address), retries: 20 })
    await vi.waitFor(async () => expect(await cluster.brokers()).toHaveLength(3), PATIENT)
    gateway = await startGateway({ cluster })
    log = gatewayLog({ url: gateway.url, requestTimeout: '65s' })
  }, 180_000)

  afterAll(async () => {
    await gateway?.close()
    await admin?.close()
    await cluster?.close()
    await brokers?.stop()
  })

  /** A topic of one partition on the brokers given, the first of which leads. Two must have what is acknowledged. */
  const topicOn = (...on: readonly number[]): Promise<string> => {
    const configs = { 'min.insync.replicas': String(Math.min(2, on.length)) }
    return createPlaced(admin, { name: `topic-${topics++}`, on, configs })
  }

  async function leaderOf(name: string): Promise<{ leader?: number; inSync: number }> {
    const { topics: found } = await admin.metadata({ topics: [name], forceUpdate: true })
    const partition = found.get(name)?.partitions[0]
    return { ...(partition && { leader: partition.leader }), inSync: partition?.isr.length ?? 0 }
  }

  const inSync = (name: string, count: number) =>
    expect.poll(async () => (await leaderOf(name)).inSync, PATIENT).toBe(count)
  const othersOf = (id: number) => brokers.ids.filter((other) => other !== id)
  const write = async (by: KafkaCluster, name: string, value: string) => {
    const [one] = await by.append(name, [{ key: null, value: bytes(value), partition: 0 }])
    return one?.refusal ? one.refusal.reason : one?.offset
  }
  const read = async (name: string, waitMs = 0) =>
    (await cluster.read([{ topic: name, partition: 0, offset: 0 }], { ...AT_ONCE, waitMs })).records.map(text)

  /** Writes one record after the other until `stop`; remembers what was acknowledged, and what was not. */
  function writing(name: string) {
    const acknowledged = new Map<number, string>()
    const refused: unknown[] = []
    let stopped = false
    const done = (async () => {
      for (let n = 0; !stopped; n++) {
        try {
          const [position] = await log.produce(name, [{ key: null, value: bytes(`${n}`), partition: 0 }])
          acknowledged.set(position!.offset, `${n}`)
        } catch (error) {
          refused.push(error)
        }
      }
    })()
    return { acknowledged, refused, stop: () => ((stopped = true), done) }
  }

  /** Follows the topic by long polls until it has read up to `end`. */
  function following(name: string) {
    const records: LogRecord[] = []
    const failures: unknown[] = []
    let end = Number.POSITIVE_INFINITY
    const stop = new AbortController()
    const done = (async () => {
      let offset = 0
      while (offset < end && !stop.signal.aborted) {
        try {
          const options = {
            maxBytes: 1_000_000,
            waitMs: 1000,
            isolation: 'uncommitted',
            signal: stop.signal,
          } as const
          const answer = await log.read(name, [{ partition: 0, offset }], options)
          records.push(...answer.records)
          offset = answer.next[0]!.offset
        } catch (error) {
          if (!stop.signal.aborted) failures.push(error)
        }
      }
    })()
    return {
      records,
      failures,
      upTo: async (offset: number) => {
        end = offset
        await done
      },
      stop: () => stop.abort(),
    }
  }

  // In turn, so that each run kills the active controller once.
  it.each([1, 2, 3])(
    'follows when broker %d, which leads, is killed: nothing acknowledged is lost',
    async (id) => {
      const [name, quiet] = [await topicOn(id, ...othersOf(id)), await topicOn(id, ...othersOf(id))]
      const writer = writing(name)
      const reader = following(name)
      try {
        await expect.poll(() => writer.acknowledged.size, PATIENT).toBeGreaterThan(20)
        const polled = read(quiet, A_LONG_TIME)
        brokers.kill(id)
        const before = writer.acknowledged.size
        await expect.poll(() => writer.acknowledged.size, PATIENT).toBeGreaterThan(before + 20)
        expect(await write(cluster, quiet, 'news')).toBe(0)
        expect(await polled).toEqual(['news'])
        await writer.stop()
        await reader.upTo(Math.max(...writer.acknowledged.keys()) + 1)
      } finally {
        reader.stop()
        await writer.stop()
        await brokers.restart(id)
      }
      expect([writer.refused, reader.failures]).toEqual([[], []])
      // Each is at the offset that its writer got, no record is missing between them, and none is there twice.
      const seen = new Map(reader.records.map((record) => [record.offset, text(record)]))
      for (const [offset, value] of writer.acknowledged)
        expect([offset, seen.get(offset)]).toEqual([offset, value])
      expect(reader.records.map(({ offset }) => offset)).toEqual(reader.records.map((_, n) => n))
      expect(new Set(seen.values()).size).toBe(reader.records.length)
      expect((await leaderOf(name)).leader).not.toBe(id)
      await inSync(name, 3)
    },
  )

  it('finds the new leader when the old one hangs; what was written is there once', async () => {
    const hasty = kafkaCluster({ brokers: brokers.ids.map(brokers.address), requestTimeoutMs: 2000 })
    // Not the controller as well: brokers themselves wait 30 s for one that hangs before they give out producer ids.
    const controller = await brokers.controller()
    const [leader = 0, ...others] = othersOf(controller)
    const name = await topicOn(leader, ...others, controller)
    await expect.poll(() => hasty.offsets(name, 0).catch(() => undefined), PATIENT).toBeDefined()
    await inSync(name, 3)
    expect(await write(hasty, name, 'before')).toBe(0)
    brokers.pause(leader)
    const outcomes: unknown[] = []
    try {
      await expect
        .poll(async () => {
          outcomes.push(await write(hasty, name, `${outcomes.length}`))
          return outcomes.at(-1)
        }, PATIENT)
        .toEqual(expect.any(Number))
      const position = { topic: name, partition: 0, offset: 0 }
      expect((await hasty.read([position], AT_ONCE)).records.map(text)[0]).toBe('before')
    } finally {
      brokers.resume(leader)
    }
    // Some were refused in time; which of them were written nevertheless stays unknown.
    expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['unavailable']))
    await expect.poll(() => read(name), PATIENT).toContain(`${outcomes.length - 1}`)
    const found = await read(name)
    expect(new Set(found).size).toBe(found.length)
    await hasty.close()
    await inSync(name, 3)
  })

  it('a broker that comes back under another port is found', async () => {
    const name = await topicOn(2)
    const few = kafkaCluster({ brokers: [brokers.address(1)], requestTimeoutMs: 60_000 })
    expect(await write(few, name, 'there')).toBe(0)
    const polled = few.read([{ topic: name, partition: 0, offset: 1 }], { ...AT_ONCE, waitMs: A_LONG_TIME })
    const before = brokers.address(2)
    brokers.kill(2)
    await brokers.restart(2, { moves: true })
    expect(brokers.address(2)).not.toBe(before)
    expect(await write(few, name, 'elsewhere')).toBe(1)
    expect((await polled).records.map(text)).toEqual(['elsewhere'])
    expect(await few.offsets(name, 0)).toMatchObject({ beginning: 0, end: 2 })
    await few.close()
  })

  it('is reached by any broker of the list that answers, and by those it has learned of when that one goes', async () => {
    const name = await topicOn(3)
    brokers.kill(1)
    try {
      const cold = kafkaCluster({
        brokers: [brokers.address(1), brokers.address(2)],
        requestTimeoutMs: 60_000,
      })
      // The second may not know the topic yet: it has only just come back.
      await expect.poll(() => write(cold, name, 'first'), PATIENT).toBe(0)
      expect((await cold.configs(name)).get('cleanup.policy')).toBe('delete')
      const made = await cold.createTopic('made-without-the-first', { partitions: 1, replicas: 1 })
      expect(made).toMatchObject({ partitions: 1 })
      // Both brokers of its first list are gone; the third leads, and can do so alone.
      brokers.kill(2)
      expect((await cold.brokers()).map(({ id }) => id)).toContain(3)
      expect(await write(cold, name, 'second')).toBe(1)
      expect(await cold.offsets(name, 0)).toMatchObject({ end: 2 })
      await cold.close()
    } finally {
      await Promise.all([1, 2].map((id) => brokers.restart(id)))
    }
    await expect.poll(async () => (await cluster.brokers()).length, PATIENT).toBe(3)
  })

  it('does not acknowledge what too few replicas would have, and says so; with enough it goes on', async () => {
    const name = await topicOn(1, 2)
    const hasty = kafkaCluster({ brokers: [brokers.address(1)], requestTimeoutMs: 3000 })
    // The first broker has come back in the test before, and may not know the topic yet.
    await expect.poll(() => hasty.offsets(name, 0).catch(() => undefined), PATIENT).toBeDefined()
    await inSync(name, 2)
    const small = await startGateway({ cluster: hasty })
    const over = gatewayLog({ url: small.url })
    const produce = (value: string) => over.produce(name, [{ key: null, value: bytes(value), partition: 0 }])
    expect(await produce('safe')).toEqual([{ partition: 0, offset: 0 }])
    brokers.kill(2)
    try {
      await inSync(name, 1)
      const alone = { key: null, value: bytes('alone'), partition: 0 }
      // On a busy machine the broker may be slower than the cluster's short deadline at first.
      await expect
        .poll(async () => (await hasty.append(name, [alone]))[0]?.refusal, PATIENT)
        .toMatchObject({ reason: 'unavailable', message: 'The cluster answered NOT_ENOUGH_REPLICAS.' })
      const error: unknown = await produce('alone').catch((reason: unknown) => reason)
      expect(isKedgeError(error)).toBe(true)
      expect(error).toMatchObject({ code: 'ERR_PUBLISH', retryable: true })
      expect(await read(name)).toEqual(['safe'])
    } finally {
      await brokers.restart(2)
    }
    await expect.poll(() => produce('again').catch(() => undefined), PATIENT).toBeDefined()
    const found = await read(name)
    expect([found[0], found.includes('alone'), found.at(-1)]).toEqual(['safe', false, 'again'])
    await small.close()
    await hasty.close()
  })
})
