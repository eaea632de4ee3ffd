/** How long what a cache does takes, from its events. A hit has none. @module */
import type { KedgeEvent } from '../../../src/api/events.ts'
import { boundedLabel } from './bounded-label.ts'
import type { CacheMeter } from './cache-meter.ts'

/** Topics of one cache: evictions, updates, requests, writes. */
const MAX_TOPICS = 10

/** @returns what takes the events of the cache */
export function cacheTimers(
  meter: CacheMeter,
  maxNamespaces: number,
  topics: readonly string[],
): (event: KedgeEvent) => void {
  const log = logTimers(meter, maxNamespaces, topics)
  const asked = meter.histogram('ask_duration_seconds', 'Questions to a loader service.', ['outcome'])
  const tiered = meter.histogram('tier_duration_seconds', 'Calls of the shared tier.', [
    'operation',
    'outcome',
  ])
  return (event) => {
    if (event.type === 'ask')
      asked(event.durationMs, { outcome: event.because === undefined ? 'ok' : 'unanswered' })
    else if (event.type === 'tier')
      tiered(event.durationMs, { operation: event.operation, outcome: outcomeOf(event) })
    else log(event)
  }
}

/**
 * Loads, polls and writes alone: what a cache within a service does.
 *
 * @param topics that it may write to
 */
export function logTimers(
  meter: CacheMeter,
  maxNamespaces: number,
  topics: readonly string[],
): (event: KedgeEvent) => void {
  const namespaceOf = boundedLabel(maxNamespaces)
  const topicOf = boundedLabel(MAX_TOPICS)
  const loaded = meter.histogram('load_duration_seconds', 'Calls of loaders.', ['kedge_namespace', 'outcome'])
  const polled = meter.histogram('poll_duration_seconds', 'Polls that proved freshness.', [])
  const applied = meter.histogram(
    'apply_duration_seconds',
    'Applying the evictions that one answer of the log has brought.',
    [],
  )
  const published = meter.histogram(
    'publish_duration_seconds',
    'Writes to the log, until every record was acknowledged.',
    ['topic', 'outcome'],
    topics.flatMap((topic) => OUTCOMES.map((outcome) => ({ topic: topicOf(topic), outcome }))),
  )
  return (event) => {
    if (event.type === 'load')
      loaded(event.durationMs, { kedge_namespace: namespaceOf(event.namespace), outcome: outcomeOf(event) })
    else if (event.type === 'poll') polled(event.durationMs, {})
    else if (event.type === 'apply') applied(Math.max(0, event.durationMs), {})
    else if (event.type === 'publish' || event.type === 'publish_failed')
      published(event.durationMs, { topic: topicOf(event.topic), outcome: outcomeOf(event) })
  }
}

const OUTCOMES = ['ok', 'failed']
const outcomeOf = (event: object): string => ('error' in event ? 'failed' : 'ok')
