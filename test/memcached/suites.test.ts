import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memcachedSink } from '../../adapters/memcached.ts'
import { sinkSuite } from '../../src/testing/index.ts'
import { withoutMemcached } from '../services/memcached.ts'
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
})
