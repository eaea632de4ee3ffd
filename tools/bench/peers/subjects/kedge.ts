/** kedge, over a log in memory. Web standards only: it is bundled, too, with a part of kedge taken out. @module */
import { createCache } from '../../../../src/index.ts'
import type { Cache } from '../../../../src/index.ts'
import { memory, MemoryLog } from '../../../../src/testing/index.ts'
import type { MemoryKafka } from '../../../../src/testing/index.ts'
import { TAG, TTL_MS } from '../subject.ts'
import type { Link, Process, Subject } from '../subject.ts'

interface Isolate {
  readonly cache: Cache
  readonly process: Process
}

async function isolate(log: MemoryLog, tagged: boolean): Promise<Isolate> {
  const kafka = memory({ on: log })
  const cache = createCache({ kafka, ttl: TTL_MS, pollTimeout: '5s', onUnreachable: 'bypass' })
  const rows = cache.namespace<string>('rows', tagged ? { tags: () => [TAG] } : {})
  await cache.sync()
  const process: Process = {
    read: (key, load) => rows.getOrSet(key, load),
    invalidate: async (key) => void (await rows.delete(key)),
    link: linkOf(kafka, cache),
  }
  return { cache, process }
}

/** There are no messages: the bench loses the proxy's answer with the invalidation instead. */
function linkOf(kafka: MemoryKafka, cache: Cache): Link {
  let before = 0
  return {
    loseNext() {
      before = cache.stats().pollFailures
      kafka.fail(new Error('the answer was lost'), { on: 'read', when: 'after', times: 1 })
    },
    get lost() {
      return cache.stats().pollFailures - before
    },
    cut: () => kafka.fail(new Error('connection refused')),
    restore: () => kafka.fail(),
  }
}

export const kedge: Subject = {
  name: 'kedge',
  configuration:
    "memory in each process; the log in memory of `kedge/testing`; `maxStaleness` as it is by default (2 s); `onUnreachable: 'bypass'`, `pollTimeout: '5s'`",
  workerd: {
    node: false,
    configuration: 'the gateway of kedge over HTTP; its own `cache.for(ctx)` where a call is kept alive',
  },
  reach: 'bus',
  boundMs: 2000,
  async open(tagged) {
    const log = new MemoryLog()
    const a = await isolate(log, tagged)
    const b = await isolate(log, tagged)
    return {
      a: a.process,
      b: b.process,
      async invalidateTag(at) {
        await (at === a.process ? a : b).cache.namespace('rows').invalidateTags(TAG)
      },
      delivered: async () => void (await b.cache.sync()),
      async close() {
        await a.cache.close()
        await b.cache.close()
      },
    }
  },
}
