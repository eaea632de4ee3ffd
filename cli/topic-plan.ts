/** The plan of each topic: partitions, retention and settings. @module */
import {
  auditTopic,
  deadLettersTopic,
  evictionPartitions,
  evictionsTopic,
  requestsTopic,
  ttl,
  updatePartitions,
  updatesTopic,
  writePartitions,
  writesRetention,
  writesTopic,
} from './settings/topics.ts'
import type { ResolvedSettings } from './resolved-settings.ts'

export type TopicRole = 'evictions' | 'updates' | 'requests' | 'writes' | 'dead-letters' | 'audit'

/** The topics that every cache may use. */
export const ROLES: readonly TopicRole[] = ['evictions', 'updates', 'requests']

/**
 * Also the topics of `writeBehind`, its persister, `kedge sync` and the audit: created and examined where `--only` names
 * them.
 */
export const ALL_ROLES: readonly TopicRole[] = [...ROLES, 'writes', 'dead-letters', 'audit']

/** The plan of one topic. */
export interface TopicPlan {
  readonly role: TopicRole
  readonly name: string
  /** `undefined`: any number will do. */
  readonly partitions: number | undefined
  /** The least retention of its records, in milliseconds. */
  readonly retentionMs: number
}

const HOUR_MS = 3_600_000
const LEAST_RETENTION_MS = 24 * HOUR_MS
/** Retention of evictions, in TTLs: an isolate that sleeps as long as a value may live must find them all. */
const TTLS = 10
/** Retention of requests: no isolate waits longer for a load. */
export const REQUESTS_RETENTION_MS = 600_000
/** A dead letter waits for a person. */
const DEAD_LETTERS_RETENTION_MS = 30 * 24 * HOUR_MS
/** What an auditor asks about may be months old. */
const AUDIT_RETENTION_MS = 365 * 24 * HOUR_MS
/** How long a replaced value stays readable, for readers that are behind. */
export const COMPACTION_LAG_MS: number = HOUR_MS

export function topicPlans(values: ResolvedSettings, roles: readonly TopicRole[]): TopicPlan[] {
  const retentionMs = Math.max(LEAST_RETENTION_MS, TTLS * values.get(ttl))
  const all: Record<TopicRole, Omit<TopicPlan, 'role'>> = {
    evictions: { name: values.get(evictionsTopic), partitions: values.get(evictionPartitions), retentionMs },
    updates: { name: values.get(updatesTopic), partitions: values.get(updatePartitions), retentionMs },
    requests: { name: values.get(requestsTopic), partitions: undefined, retentionMs: REQUESTS_RETENTION_MS },
    writes: {
      name: values.get(writesTopic),
      partitions: values.get(writePartitions),
      retentionMs: values.get(writesRetention),
    },
    'dead-letters': {
      name: values.get(deadLettersTopic),
      partitions: undefined,
      retentionMs: DEAD_LETTERS_RETENTION_MS,
    },
    audit: { name: values.get(auditTopic), partitions: undefined, retentionMs: AUDIT_RETENTION_MS },
  }
  return roles.map((role) => ({ role, ...all[role] }))
}

/** The settings that a new topic gets. */
export function topicConfigs(plan: TopicPlan, minInSync: number): Record<string, string> {
  const safe = { 'min.insync.replicas': String(minInSync), 'unclean.leader.election.enable': 'false' }
  if (plan.role === 'updates')
    return { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(COMPACTION_LAG_MS), ...safe }
  const kept = { 'cleanup.policy': 'delete', 'retention.ms': String(plan.retentionMs) }
  if (plan.role === 'requests') return kept
  // Only the topic has a write that is not persisted: a cluster's default for `retention.bytes` must not
  // delete it.
  const whole = plan.role === 'evictions' ? {} : { 'retention.bytes': '-1' }
  return { ...kept, ...whole, ...safe }
}

/** How many of `replicas` must have a record before Kafka acknowledges it: one may always be away. */
export const minInSyncOf = (replicas: number): number => Math.min(2, replicas)

/** How many replicas a topic gets by default. */
export const replicasOf = (brokers: number): number => Math.max(1, Math.min(3, brokers))
