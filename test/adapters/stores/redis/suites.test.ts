import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisSink, redisTier } from '../../../../adapters/stores/redis.ts'
import { TierLayout } from '../../../../adapters/stores/redis/tier-layout.ts'
import { sinkSuite, tierSuite } from '../../../../src/testing/index.ts'
import { withoutRedis } from '../../../store-servers/redis.ts'
import { openWay, type Way, WAYS } from './connections.ts'

describe.skipIf(withoutRedis() !== undefined).each(WAYS)('over %s', (name) => {
  let way: Way
  beforeAll(async () => {
    way = await openWay(name)
  })
  afterAll(() => way?.stop())

  sinkSuite({
    name: 'redisSink()',
    refusedKey: 'kedge:anything',
    async create() {
      await way.wipe()
      return {
        sink: redisSink(way.connection),
        another: redisSink(way.connection),
        get: async (key) => (await way.raw('GET', key)) as Buffer | null,
        pass: (ms) => way.pass(ms),
        wipe: () => way.wipe(),
        close: () => undefined,
      }
    },
    describe,
    it,
    expect,
  })

  tierSuite({
    name: 'redisTier()',
    // Longer than a slow machine holds a call up.
    deadlineMs: 2000,
    ttlMs: 10_000,
    async create() {
      await way.wipe()
      const layout = new TierLayout('kedge:', way.connection.cluster ? 64 : 1)
      return {
        tier: redisTier(way.connection, { timeout: 2000 }),
        other: redisTier(way.connection),
        passes: (ms) => way.pass(ms),
        wipe: () => way.wipe(),
        async plant({ namespace }, key, bytes) {
          await way.raw('SET', layout.bucketOf(key).item(namespace, key), Buffer.from(bytes))
        },
        async plantPosition(partition, bytes) {
          for (const bucket of layout.buckets) {
            await way.raw('HSET', bucket.state(partition), 'position', Buffer.from(bytes))
          }
        },
        pause: () => way.servers.forEach((server) => server.pause()),
        resume: () => way.servers.forEach((server) => server.resume()),
        close: () => undefined,
      }
    },
    describe,
    it,
    expect,
  })
})
