/**
 * The promise of a sync, on a real Kafka and real stores, while each of them and the syncs themselves are killed,
 * frozen, wiped and set back: at rest the store equals the fold of the topic, and on the way no key goes backwards.
 *
 * `KEDGE_FAULT_ROUNDS=200` for a night, `KEDGE_FAULT_FREEZE=20000` for longer stops, `KEDGE_SEED` to repeat the plan,
 * `KEDGE_FAULT_TELL=1` to print the output of the syncs.
 */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaCluster } from '../../services/gateway/index.ts'
import type { KafkaCluster } from '../../services/gateway/index.ts'
import { seededRandom } from '../../src/testing/index.ts'
import { type Broker, startBroker, withoutKafka } from '../kafka/broker.ts'
import { withoutMemcached } from '../store-servers/memcached.ts'
import { withoutRedis } from '../store-servers/redis.ts'
import { plan } from './plan.ts'
import { openMemcached, openRedis, openRedisCluster } from './store.ts'
import { Producer, PARTITIONS, TOPIC, TopicReader, understood } from './topic.ts'
import { Trial } from './trial.ts'

const ROUNDS = Number(process.env['KEDGE_FAULT_ROUNDS'] ?? 8)
const SEED = Number(process.env['KEDGE_SEED'] ?? Math.floor(Math.random() * 1e9))
const IS_NIGHT = ROUNDS > 50
const FREEZE_MS = Number(process.env['KEDGE_FAULT_FREEZE'] ?? (IS_NIGHT ? 20_000 : 2500))
/** Faults before all come to rest, and are compared key by key. */
const ROUNDS_A_PHASE = IS_NIGHT ? 5 : 2

const withoutStores = [withoutRedis(), withoutMemcached()]
const reason = withoutKafka() ?? withoutStores.find((why) => why !== undefined)

describe.skipIf(reason !== undefined)('on real stores that fail', () => {
  let broker: Broker
  let cluster: KafkaCluster
  let producer: Producer
  let topic: TopicReader
  const trials: Trial[] = []

  beforeAll(async () => {
    const [started, ...stores] = await Promise.all([
      startBroker(),
      openRedis(),
      openRedisCluster(),
      openMemcached(),
    ])
    broker = started
    cluster = kafkaCluster({ brokers: [broker.bootstrap], requestTimeoutMs: 3000 })
    await cluster.createTopic(TOPIC, { partitions: PARTITIONS })
    producer = new Producer(cluster, SEED)
    topic = new TopicReader(cluster, TOPIC, PARTITIONS)
    for (const [index, store] of stores.entries()) {
      const letters = `${TOPIC}.dead.${index}`
      await cluster.createTopic(letters, { partitions: 1 })
      trials.push(new Trial(store, { cluster, bootstrap: broker.bootstrap, letters, freezeMs: FREEZE_MS }))
    }
    await Promise.all(trials.map((trial) => trial.begin()))
  }, 180_000)

  afterAll(async () => {
    await Promise.all(trials.map((trial) => trial.end()))
    await cluster?.close()
    await broker?.stop()
  }, 60_000)

  it(
    `each equals the fold of the topic at rest, and no key goes backwards on the way (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const stop = new AbortController()
      const work = Promise.all([
        producer.run(stop.signal),
        ...trials.map((trial) => trial.looksOn(stop.signal)),
      ])
      const plans = trials.map((trial, n) => trial.plan(ROUNDS, SEED + n))
      for (let done = 0; done < ROUNDS; done += ROUNDS_A_PHASE) {
        producer.paused = false
        const upTo = done + ROUNDS_A_PHASE
        await Promise.race([
          Promise.all([
            struckBroker(done, upTo),
            ...trials.map((trial, n) => trial.struck(plans[n]!.slice(done, upTo))),
          ]),
          work,
        ])
        await producer.pause()
        await learns()
        await Promise.all(trials.map((trial) => trial.rests(topic.positions)))
        if (IS_NIGHT) tell(...trials.map((trial) => trial.report()))
      }
      // And all of it once more from nothing, without faults: every dead letter is there at the end.
      await Promise.all(trials.map((trial) => trial.rehydrates(topic.positions)))
      stop.abort()
      await work
      for (const trial of trials) {
        tell(trial.report(), ...trial.checker.violations.map(({ rule, text }) => `  (${rule}) ${text}`))
      }
      expect(
        trials.flatMap(({ store, checker }) => checker.violations.map((one) => [store.name, one])),
      ).toEqual([])
      // A test that saw nothing would pass as well.
      for (const { store, checker, hits } of trials) {
        const { count } = checker
        expect(count.acknowledged, store.name).toBeGreaterThan(ROUNDS * 50)
        expect(count.unusable, store.name).toBeGreaterThan(ROUNDS)
        expect(count.seen - count.absent, store.name).toBeGreaterThan(ROUNDS * 50)
        expect(count.claims, store.name).toBeGreaterThan(ROUNDS * 50)
        for (const [name, times] of hits) expect(times, name).toBeGreaterThan(0)
      }
    },
    // Of a machine that several runs share: only a test that hangs takes it.
    600_000 + ROUNDS * (10_000 + 4 * FREEZE_MS),
  )

  /** Once in four rounds. */
  async function struckBroker(done: number, upTo: number): Promise<void> {
    const steps = plan({ killed: 'broker', frozen: 'broker' }, Math.ceil(ROUNDS / 4), SEED)
    for (const { names, calmMs, seed } of steps.slice(Math.ceil(done / 4), Math.ceil(upTo / 4))) {
      const random = seededRandom(seed)
      await sleep(calmMs + random() * 4000)
      if (names[0] === 'killed') {
        broker.kill()
        await sleep(random() * 500)
        await broker.restart()
      } else {
        broker.pause()
        await sleep(FREEZE_MS)
        broker.resume()
      }
    }
  }

  /** What the topic holds, from Kafka itself. */
  async function learns(): Promise<void> {
    for await (const record of topic.read()) {
      const known = understood(record)
      for (const { checker } of trials) checker.topic(known)
    }
    for (const { partition, offset, key, value } of producer.acknowledged.splice(0))
      for (const { checker } of trials) checker.acknowledged({ partition, offset }, key, value)
  }
})

function tell(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
