import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { itemName } from '../../../../adapters/stores/shared/item-name.ts'
import { memcachedSink, memcachedTier } from '../../../../adapters/stores/memcached.ts'
import { sinkSuite, tierSuite } from '../../../../src/testing/index.ts'
import { withoutMemcached } from '../../../store-servers/memcached.ts'
import { openWay, type Way } from './way.ts'

describe.skipIf(withoutMemcached() !== undefined).each([1, 3])('over %i servers', (count) => {
  let way: Way
  beforeAll(async () => {
    way = await openWay(count)
  })
  afterAll(() => way?.stop())

  sinkSuite({
    name: 'memcachedSink()',
    refusedKey: 'kedge:anything',
    async create() {
      await way.wipe()
      return {
        sink: memcachedSink(way.connection),
        another: memcachedSink(way.another),
        get: (key) => way.get(key),
        // Memcached has no clock but its own, which ticks once a second.
        pass: (ms) => sleep(ms + 500),
        wipe: () => way.wipe(),
        close: () => undefined,
      }
    },
    describe,
    it,
    expect,
  })

  tierSuite({
    name: 'memcachedTier()',
    applies: false,
    ttlMs: 1000,
    // Longer than a slow machine holds a call up.
    deadlineMs: 2500,
    async create() {
      await way.wipe()
      return {
        tier: memcachedTier(way.connection, { timeout: 2000 }),
        other: memcachedTier(way.another),
        passes: (ms) => sleep(ms + 500),
        wipe: () => way.wipe(),
        async plant({ namespace }, key, bytes) {
          const name = await itemName('kedge:t:', namespace, key)
          await way
            .serverOf(name)
            .command(
              Buffer.concat([Buffer.from(`set ${name} 0 0 ${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]),
            )
        },
        pause: async () => void (await Promise.all(way.servers.map((server) => server.pause()))),
        resume: () => way.servers.forEach((server) => server.resume()),
        close: () => undefined,
      }
    },
    describe,
    it,
    expect,
  })
})
