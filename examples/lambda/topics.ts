/** The second way: a function that Kafka triggers, for all of kedge's topics. @module */
import type { KafkaLog } from 'kedge'
import { applyEvictions, applyUpdates, type KafkaHandler, kafkaHandler, serveRequests } from 'kedge/lambda'
import { createLoader } from 'kedge/loader'
import { createSync, type Sink, type TierFollowerOptions } from 'kedge/sync'
import { loadUser } from './users.ts'

interface Parts {
  readonly kafka: KafkaLog
  /** The store that any client reads: `GET users:7`. */
  readonly sink: Sink
  /** The store that isolates share. */
  readonly tier: TierFollowerOptions['tier']
}

export function topicsHandler({ kafka, sink, tier }: Parts): KafkaHandler {
  const sync = createSync({
    kafka,
    topic: 'cache-updates',
    sink,
    key: '{ns}:{key}',
    format: 'kedge',
    deadLetters: 'cache-updates-dead',
  })
  const loader = createLoader({
    kafka,
    loaders: {
      users: async (ids, { signal }) => {
        const found = await Promise.all(ids.map(async (id) => [id, await loadUser(id, signal)] as const))
        return new Map(found)
      },
    },
  })
  return kafkaHandler(
    {
      'cache-updates': applyUpdates(sync),
      'cache-evictions': applyEvictions({ kafka, tier }),
      'cache-requests': serveRequests(loader),
    },
    // The event source mappings have ReportBatchItemFailures: see `template.yaml`.
    { failures: 'report', onEvent: (event) => console.error(event) },
  )
}
