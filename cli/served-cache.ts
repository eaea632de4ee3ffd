/** The cache of `kedge serve`: what it is made of, and what it tells. @module */
import { eventFields } from '../adapters/logs/log-events/event-fields.ts'
import { observe } from '../src/api/events.ts'
import type { KedgeEvent } from '../src/api/events.ts'
import type { Cache } from '../src/api/cache-types.ts'
import { createCache } from '../src/index.ts'
import type { KafkaLog } from '../src/ports/kafka-log.ts'
import { replicate } from '../src/replicate/index.ts'
import { partsOfCache } from '../src/write/cache-parts.ts'
import { debugging } from './debug-events.ts'
import { sentence } from './failure.ts'
import { withTopic } from './missing-topic.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { Session } from './session.ts'
import * as own from './settings/serve.ts'
import { evictionPartitions, evictionsTopic, updatePartitions, updatesTopic } from './settings/topics.ts'
import type { Startup } from './startup.ts'
import { lengthOf } from './terminal.ts'

const SLOW = { pollTimeout: '--poll-timeout', maxStaleness: '--max-staleness' } as const

type MakeCache = (evictions: number, updates: number | undefined) => Cache

/** What makes the cache of so many partitions; it throws a TypeError for options that are wrong. */
export function cacheMaker(values: ResolvedSettings, log: KafkaLog, session: Session): MakeCache {
  return (evictions, updates) => {
    const cache = createCache({
      kafka: log,
      topics: { evictions: values.get(evictionsTopic), updates: values.get(updatesTopic) },
      evictionPartitions: evictions,
      ...(updates !== undefined && { updatePartitions: updates }),
      ttl: values.get(own.ttl),
      swr: values.get(own.swr),
      staleIfError: values.get(own.staleIfError),
      maxStaleness: values.get(own.maxStaleness),
      pollTimeout: values.get(own.pollTimeout),
      onUnreachable: values.get(own.onUnreachable),
      maxOutage: values.get(own.maxOutage),
      ...(values.get(own.mode) === 'replicate' && { use: [replicate()] }),
      updatesIsolation: values.get(own.updatesIsolation),
      maxEntries: values.get(own.maxEntries),
      maxBytes: values.get(own.maxBytes),
      runtime: session.runtime,
    })
    // It has nothing to say of hits, which so cost no call.
    observe(partsOfCache(cache).context.shared.settings, teller(session))
    return cache
  }
}

interface Partitions {
  readonly evictions: number
  /** Where values are read too. */
  readonly updates: number | undefined
}

/** Those that are given, else those of the topics, once the log answers. `undefined`: the process ends first. */
export async function partitionsOf(
  values: ResolvedSettings,
  log: KafkaLog,
  { stop }: Session,
  startup: Startup,
): Promise<Partitions | undefined> {
  const count = async (role: 'evictions' | 'updates') => {
    const topic = values.get(role === 'evictions' ? evictionsTopic : updatesTopic)
    return (await startup.reached(() => withTopic(role, topic, log.offsets(topic, { signal: stop })))).length
  }
  const replicates = values.get(own.mode) === 'replicate'
  try {
    return {
      evictions: values.get(evictionPartitions) ?? (await count('evictions')),
      updates: values.get(updatePartitions) ?? (replicates ? await count('updates') : undefined),
    }
  } catch (error) {
    if (stop.aborted) return undefined
    throw error
  }
}

/** Reports what went wrong, an unreachable log only the first time; and at the level `debug` every event. */
function teller({ terminal }: Session): (event: KedgeEvent) => void {
  let isLost = false
  const debug = debugging('kedge serve', terminal)
  return (event) => {
    debug(event)
    const warn = (text: string) =>
      terminal.tell('warn', event.type, `kedge serve: ${text}`, eventFields(event))
    if (event.type === 'poll') {
      if (isLost) terminal.tell('warn', 'log_recovered', 'kedge serve: the log is reached again')
      isLost = false
    } else if (event.type === 'poll_failed') {
      if (!isLost) warn(`${sentence(event.error)}; trying again`)
      isLost = true
    } else if (event.type === 'reanchor' && event.reason !== 'start') {
      warn(`partition ${event.partition}: started again at the end (${event.reason})`)
    } else if (event.type === 'proxy_too_slow') {
      const { option, limitMs, durationMs } = event
      warn(
        `polls take ${lengthOf(durationMs)}, longer than ${SLOW[option]} (${lengthOf(limitMs)}): raise it, or reads do without the cache`,
      )
    } else if (event.type === 'unreadable') {
      const { topic, partition, offset } = event
      warn(`${topic} ${partition}@${offset} cannot be read`)
    }
  }
}
