/** The topics, and how they are made. @module */

/** An order's records stay in one partition all the way, and so in their order. */
const PARTITIONS = 3

export const CREATED = 'order.created'
export const ENRICHED = 'order.enriched'
export const READ_MODEL = 'order.read-model'
export const COMPACT = 'order.compact'
/** Not ours: where kedge's evictions stand, by default. */
const EVICTIONS = 'cache-evictions'

export interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly configs: Readonly<Record<string, string>>
}

const events = { 'cleanup.policy': 'delete' }

export const TOPICS: readonly TopicPlan[] = [
  { name: CREATED, partitions: PARTITIONS, configs: events },
  { name: ENRICHED, partitions: PARTITIONS, configs: events },
  { name: READ_MODEL, partitions: PARTITIONS, configs: events },
  { name: COMPACT, partitions: PARTITIONS, configs: { 'cleanup.policy': 'compact' } },
  { name: EVICTIONS, partitions: 1, configs: { ...events, 'retention.ms': '86400000' } },
]
