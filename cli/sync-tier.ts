/** The work of `kedge sync --tier`: the evictions topic, applied to a shared tier. @module */
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import { createTierFollower } from '../services/sync/index.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import type { Codec } from '../src/wire/codec.ts'
import { debugging } from './debug-events.ts'
import { sentence, UsageError } from './failure.ts'
import { absentTopic } from './missing-topic.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import { maxLag, maxLagRecords } from './settings/sync.ts'
import { evictionsTopic } from './settings/topics.ts'
import type { OpenStore } from './store.ts'
import type { Work } from './sync-work.ts'
import { plain } from './terminal.ts'

/** As which an applier stands in `kafka_consumer_lag`. */
const TIER_GROUP = 'kedge-tier'
/** How often a failing tier is reported. */
const SAY_MS = 10_000

export interface TierParts {
  readonly values: ResolvedSettings
  readonly session: Session
  readonly log: KafkaLog
  readonly codec: Codec
  readonly store: OpenStore
  /** What takes the time of each batch, once there are metrics. */
  readonly timing: { batch?: (ms: number) => void }
}

/** Applies the evictions to a tier, with the same process and the same endpoints. */
export function tierWork({ values, session, log, codec, store, timing }: TierParts): Work {
  const { terminal, runtime } = session
  if (store.tier === undefined)
    throw new UsageError(
      `${store.sink.name} cannot keep how far a tier has applied evictions: --tier needs Redis`,
    )
  const name = values.get(evictionsTopic)
  const limits = { ms: values.get(maxLag), records: values.get(maxLagRecords) ?? Infinity }
  let saidAt = -Infinity
  const debug = debugging('kedge sync', terminal)
  const follower = createTierFollower({
    kafka: log,
    tier: store.tier,
    topics: { evictions: name },
    codec,
    runtime,
    onEvent: (event) => {
      debug(event)
      if (event.type === 'begin')
        terminal.tell(
          'info',
          'begin',
          `partition ${event.partition}: begins at ${event.position} (${event.reason})`,
          eventFields(event),
        )
      if (event.type === 'apply') timing.batch?.(event.durationMs)
      const now = runtime.monotonic()
      if (event.type !== 'failed' || now - saidAt < SAY_MS) return
      saidAt = now
      const says = `kedge sync: ${sentence(event.error)}; trying again`
      terminal.tell('warn', 'failed', says, eventFields(event))
    },
  })
  const lag = () => {
    const { records, ms, partitions } = follower.lag()
    return { records, ms, rehydrating: false, partitions }
  }
  return {
    names: { topic: name },
    group: TIER_GROUP,
    lag,
    pressure: () =>
      Math.min(1, Math.max(0, Math.max(lag().ms / limits.ms, lag().records / limits.records) * 2 - 1)),
    notReady: () => (lag().ms > limits.ms || lag().records > limits.records ? ['lag'] : []),
    stats: () => follower.stats(),
    says: `kedge sync applies ${plain(name)} to the tier in ${store.sink.name}`,
    async go(once, signal) {
      try {
        if (once) return (await follower.step({ signal })).atEnd
      } catch (error) {
        throw absentTopic(error, name, '--only evictions --evictions-topic')
      }
      await follower.follow({ signal })
      return true
    },
  }
}
