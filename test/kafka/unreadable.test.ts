/** A batch that a broker has taken and the gateway will not inflate: everything is evicted, and what follows is read. */
import { Producer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gateway as gatewayLog } from '../../adapters/kafka/gateway.ts'
import { kafkaCluster, startGateway, type UnreadableBatch } from '../../services/gateway/index.ts'
import type { KafkaCluster, RunningGateway } from '../../services/gateway/index.ts'
import { createCache } from '../../src/index.ts'
import { type Broker, startBroker, withoutKafka } from './broker.ts'

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const

describe.skipIf(withoutKafka())(
  'On a real broker, a batch that inflates to more than the gateway takes',
  () => {
    const met: UnreadableBatch[] = []
    let broker: Broker
    let cluster: KafkaCluster
    let producer: Producer
    let gateway: Omit<RunningGateway, 'log'> | undefined

    beforeAll(async () => {
      broker = await startBroker({ properties: { 'message.max.bytes': '8000000' } })
      cluster = kafkaCluster({
        brokers: [broker.bootstrap],
        maxBatchBytes: 4_000_000,
        onUnreadable: (batch) => void met.push(batch),
      })
      producer = new Producer({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
      gateway = await startGateway({ cluster })
    })

    afterAll(async () => {
      await gateway?.close()
      await producer?.close()
      await cluster?.close()
      await broker?.stop()
    })

    it.each(CODECS)(
      'with %s evicts everything once, is counted, and keeps nothing back',
      async (compression) => {
        const topic = (await cluster.createTopic(`bombs-${compression}`, { partitions: 1 })).name
        const cache = createCache({
          kafka: gatewayLog({ url: gateway!.url }),
          topics: { evictions: topic },
          ttl: '1h',
          // A broker on a slow machine takes its time.
          pollTimeout: '5s',
        })
        try {
          const rows = cache.namespace<string>('rows')
          let loads = 0
          const load = (key: string) => rows.getOrSet(key, () => `${key} ${++loads}`)
          expect((await cache.sync()).proved).toBe(true)
          expect([await load('KEF'), await load('JFK'), await load('KEF')]).toEqual([
            'KEF 1',
            'JFK 2',
            'KEF 1',
          ])
          const bomb = Buffer.alloc(5_000_000)
          await producer.send({ messages: [{ topic, partition: 0, value: bomb }], compression, acks: -1 })
          await rows.delete('JFK')
          expect((await cache.sync()).proved).toBe(true)
          expect([await load('KEF'), await load('JFK'), await load('KEF')]).toEqual([
            'KEF 3',
            'JFK 4',
            'KEF 3',
          ])
          expect(cache.stats()).toMatchObject({ refused: 1, reanchors: 1, pollFailures: 0 })
          expect(met.at(-1)).toMatchObject({ topic, partition: 0, offset: 0 })
          expect(met.every((batch) => batch.topic !== topic || batch.offset === 0)).toBe(true)
        } finally {
          await cache.close()
        }
      },
    )
  },
)
