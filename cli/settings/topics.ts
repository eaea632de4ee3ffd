/** Settings: the names of the topics, their partitions and retention. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { length, topicName, whole } from '../value-types.ts'

type Optional<T> = Setting<T | undefined>

export const evictionsTopic: Setting<string> = setting('topics.evictions', {
  flag: '--evictions-topic <name>',
  shape: topicName,
  says: 'the topic of evictions',
  otherwise: 'cache-evictions',
})
export const updatesTopic: Setting<string> = setting('topics.updates', {
  flag: '--updates-topic <name>',
  shape: topicName,
  says: 'the topic of values',
  otherwise: 'cache-updates',
})
export const requestsTopic: Setting<string> = setting('topics.requests', {
  flag: '--requests-topic <name>',
  shape: topicName,
  says: 'the topic of load requests',
  otherwise: 'cache-requests',
})
export const evictionPartitions: Optional<number> = setting<number | undefined>('evictionPartitions', {
  flag: '--eviction-partitions <number>',
  shape: whole(1, 100),
  says: 'partitions of the evictions topic, as configured in the caches',
  otherwise: undefined,
})
export const updatePartitions: Optional<number> = setting<number | undefined>('updatePartitions', {
  flag: '--update-partitions <number>',
  shape: whole(1, 1000),
  says: 'partitions of the updates topic, as configured in the caches',
  otherwise: undefined,
})
export const ttl: Setting<number> = setting('ttl', {
  flag: '--ttl <duration>',
  shape: length,
  says: 'the longest TTL of your caches: retention is at least ten times as long',
  otherwise: 300_000,
})

export const writesTopic: Setting<string> = setting('topics.writes', {
  flag: '--writes-topic <name>',
  shape: topicName,
  says: 'the topic of writes on their way to the source',
  otherwise: 'cache-writes',
})
export const deadLettersTopic: Setting<string> = setting('topics.deadLetters', {
  flag: '--dead-letters-topic <name>',
  shape: topicName,
  says: 'the topic of records that could not be used or persisted',
  otherwise: 'cache-writes-dead',
})
export const auditTopic: Setting<string> = setting('topics.audit', {
  flag: '--audit-topic <name>',
  shape: topicName,
  says: 'the topic of audits',
  otherwise: 'cache-audit',
})
export const writePartitions: Optional<number> = setting<number | undefined>('writePartitions', {
  flag: '--write-partitions <number>',
  shape: whole(1, 1000),
  says: 'partitions of the writes topic, as configured in the caches',
  otherwise: undefined,
})
export const writesRetention: Setting<number> = setting('writesRetention', {
  flag: '--writes-retention <duration>',
  shape: length,
  says: 'how long writes are kept: longer than any outage of the persister, or they are lost',
  otherwise: 604_800_000,
})

/** Settings of the topics that `--only` adds. */
export const FURTHER_TOPICS_SETTINGS: readonly AnySetting[] = [
  writesTopic,
  deadLettersTopic,
  auditTopic,
  writePartitions,
  writesRetention,
]

export const TOPICS_SETTINGS: readonly AnySetting[] = [
  evictionsTopic,
  updatesTopic,
  requestsTopic,
  evictionPartitions,
  updatePartitions,
  ttl,
]
