/** `order.compact` → Redis, and what must follow: the eviction from every isolate. @module */
import type { Redis } from 'ioredis'
import { createCache, type KafkaLog } from 'kedge'
import { ioredis, redisSink } from 'kedge/adapters/redis'
import { createSync, type Sync } from 'kedge/sync'
import { NAMESPACE, OrderView } from './events.ts'
import { COMPACT } from './topics.ts'

export interface ViewsOptions {
  readonly kafka: KafkaLog
  readonly redis: Redis
  /** Called once the evictions of these orders are in the log. */
  readonly onEvicted: (ids: readonly string[]) => void
}

export function viewsInRedis({ kafka, redis, onEvicted }: ViewsOptions): Sync {
  // It caches nothing: it is how evictions are written.
  const orders = createCache({ kafka }).namespace(NAMESPACE)
  return createSync({
    kafka,
    topic: COMPACT,
    stream: 'order-views',
    sink: redisSink(ioredis(redis)),
    // In a cluster everything of an order is in one slot.
    key: '{order:{key}}:view',
    format: 'json',
    // Stages repeat records when they die: a record with an older revision changes nothing. Ids are never
    // used again, so a deletion is final.
    version: ({ value }) => (value === undefined ? Number.MAX_SAFE_INTEGER : OrderView.parse(value).revision),
    // The store first, then the eviction; only then the position moves. So the sync leaves out no eviction.
    async onWritten(written, { signal }) {
      const ids = written.flatMap(({ record }) => record.key ?? [])
      await orders.delete(ids, { signal })
      onEvicted(ids)
    },
    onEvent: (event) => {
      if (event.type === 'unusable' || event.type.endsWith('_failed')) console.warn('views in Redis:', event)
    },
  })
}
