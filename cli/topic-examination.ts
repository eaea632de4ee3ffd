/** Examines whether the topics have the settings that kedge's promise needs. @module */
import type { KafkaCluster } from '../services/gateway/kafka/index.ts'
import { Refusal } from '../services/gateway/refusal.ts'
import { fault } from './failure.ts'
import { ok, problem, warning } from './findings.ts'
import type { Finding } from './findings.ts'
import { lengthOf, plain } from './terminal.ts'
import { adviceOnRight } from './missing-right.ts'
import { creation } from './missing-topic.ts'
import { COMPACTION_LAG_MS, REQUESTS_RETENTION_MS } from './topic-plan.ts'
import type { TopicPlan } from './topic-plan.ts'

/** The largest message that a cache writes by default. */
const MESSAGE_BYTES = 1_000_000

/** Examines each topic. `missing`: how bad it is when a topic other than that of evictions does not exist. */
export async function examineTopics(
  cluster: KafkaCluster,
  plans: readonly TopicPlan[],
  missing: 'problem' | 'warning',
): Promise<Finding[]> {
  const present = new Map((await cluster.topics()).map((topic) => [topic.name, topic]))
  const brokers = (await cluster.brokers()).length
  const findings: Finding[] = []
  for (const plan of plans) {
    const topic = present.get(plan.name)
    const refusal = await refusalOf(cluster, plan.name, topic !== undefined)
    if (refusal !== undefined) {
      const advice = adviceOnRight(refusal, { operation: 'Describe', topic: plan.name })
      findings.push(problem(plan.name, fault(refusal), advice))
      continue
    }
    if (topic === undefined) {
      const bad = plan.role === 'evictions' ? 'problem' : missing
      findings.push(
        (bad === 'problem' ? problem : warning)(
          plan.name,
          NOT_THERE[plan.role],
          creation(plan.role, plan.name),
        ),
      )
      continue
    }
    const wrong = compare(plan, topic.partitions, await cluster.configs(plan.name), brokers)
    findings.push(...(wrong.length > 0 ? wrong : [ok(plan.name, described(plan, topic.partitions))]))
  }
  return findings
}

/** Why Kafka does not tell of a topic, where it is a right that lacks: such a topic is in no list. */
async function refusalOf(
  cluster: KafkaCluster,
  name: string,
  isThere: boolean,
): Promise<Refusal | undefined> {
  try {
    await (isThere ? cluster.configs(name) : cluster.describe(name))
    return undefined
  } catch (error) {
    if (error instanceof Refusal && error.reason === 'forbidden') return error
    throw error
  }
}

const NOT_THERE: Readonly<Record<TopicPlan['role'], string>> = {
  evictions: 'the topic is not there: no eviction can be written or read',
  updates: 'the topic is not there: replicate() and prewarm() have nothing to read',
  requests: 'the topic is not there: misses cannot ask a loader service',
  writes: 'the topic is not there: writeBehind() fails',
  'dead-letters':
    'the topic is not there: a write that its store refuses stops the persister, and letters of a sync are lost',
  audit: 'the topic is not there: the lines of --audit topic are lost',
}

const described = ({ role }: TopicPlan, partitions: number): string =>
  `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, settings are right for ${role}`

function compare(
  plan: TopicPlan,
  partitions: number,
  configs: ReadonlyMap<string, string>,
  brokers: number,
): Finding[] {
  const of = new Reading(plan.name, configs)
  const wrong: (Finding | undefined)[] = [partitionsFinding(plan, partitions)]
  if (plan.role === 'evictions') wrong.push(...evictions(plan, of), ...safety(of, brokers))
  if (plan.role === 'updates') wrong.push(...updates(of), ...safety(of, brokers))
  if (plan.role === 'requests') wrong.push(...requests(of))
  if (plan.role === 'writes' || plan.role === 'dead-letters' || plan.role === 'audit')
    wrong.push(...retained(plan, of, KEPT[plan.role]), ...safety(of, brokers))
  if (plan.role !== 'requests') wrong.push(size(of))
  return wrong.filter((finding) => finding !== undefined)
}

/** Settings of one topic, as a broker returned them. */
class Reading {
  readonly topic: string
  readonly #configs: ReadonlyMap<string, string>

  constructor(topic: string, configs: ReadonlyMap<string, string>) {
    this.topic = topic
    this.#configs = configs
  }

  text(name: string): string {
    return plain(this.#configs.get(name) ?? '')
  }

  /** `undefined` where the broker did not return it. `-1` means without limit. */
  number(name: string): number | undefined {
    const value = this.#configs.get(name)
    return value !== undefined && /^-?\d+$/.test(value) ? Number(value) : undefined
  }

  problem(says: string, set: string): Finding {
    return problem(this.topic, says, `set ${set}`)
  }

  warning(says: string, set: string): Finding {
    return warning(this.topic, says, `set ${set}`)
  }
}

function partitionsFinding(
  { name, role, partitions: wanted }: TopicPlan,
  found: number,
): Finding | undefined {
  if (wanted === undefined || wanted === found) return undefined
  const [option, harm] = PARTITIONS[role] ?? PARTITIONS.updates!
  return problem(
    name,
    `it has ${found} partitions, and ${wanted} are configured: ${harm}`,
    `give every cache \`${option}: ${found}\``,
  )
}

const PARTITIONS: Partial<Record<TopicPlan['role'], readonly [option: string, harm: string]>> = {
  evictions: [
    'evictionPartitions',
    'caches then look for a namespace in another partition than other caches write it to',
  ],
  updates: [
    'updatePartitions',
    'caches then look for keys in other partitions than other caches write them to',
  ],
  writes: ['writePartitions', 'the order of two writes of a key in two partitions is unknown'],
}

function evictions({ retentionMs }: TopicPlan, of: Reading): (Finding | undefined)[] {
  const policy = of.text('cleanup.policy')
  const kept = of.number('retention.ms')
  const bytes = of.number('retention.bytes')
  return [
    policy !== 'delete'
      ? of.problem(
          `cleanup.policy is ${policy || 'unknown'}: compaction removes evictions that caches have not read yet`,
          'cleanup.policy=delete',
        )
      : undefined,
    kept !== undefined && kept !== -1 && kept < retentionMs
      ? of.problem(
          `evictions are kept for ${lengthOf(kept)}, and should be for ${lengthOf(retentionMs)} (24 h, and ten times the longest TTL)`,
          `retention.ms=${retentionMs}`,
        )
      : undefined,
    bytes !== undefined && bytes !== -1
      ? of.warning(
          `retention.bytes is ${bytes}: a burst of evictions may push out others before their time`,
          'retention.bytes=-1',
        )
      : undefined,
  ]
}

function updates(of: Reading): (Finding | undefined)[] {
  const policies = of.text('cleanup.policy').split(',')
  const lag = of.number('min.compaction.lag.ms')
  return [
    policies.includes('compact')
      ? undefined
      : of.problem(
          `cleanup.policy is ${policies.join(',') || 'unknown'}: values disappear by age, although they may be the latest of their key`,
          'cleanup.policy=compact',
        ),
    lag !== undefined && lag < COMPACTION_LAG_MS
      ? of.warning(
          `values may be compacted after ${lengthOf(lag)}: readers that are behind miss some`,
          `min.compaction.lag.ms=${COMPACTION_LAG_MS}`,
        )
      : undefined,
  ]
}

function requests(of: Reading): (Finding | undefined)[] {
  const policy = of.text('cleanup.policy')
  const kept = of.number('retention.ms')
  const set = `retention.ms=${REQUESTS_RETENTION_MS}`
  return [
    policy === 'delete'
      ? undefined
      : of.problem(
          `cleanup.policy is ${policy || 'unknown'}: the topic keeps requests that no isolate waits for`,
          'cleanup.policy=delete',
        ),
    kept === REQUESTS_RETENTION_MS || kept === undefined
      ? undefined
      : of.warning(
          `requests are kept ${kept === -1 ? 'for ever' : `for ${lengthOf(kept)}`}: no isolate waits longer than ${lengthOf(REQUESTS_RETENTION_MS)}`,
          set,
        ),
  ]
}

interface Kept {
  readonly what: string
  readonly compacted: string
  readonly why: string
}

const KEPT: Readonly<Record<'writes' | 'dead-letters' | 'audit', Kept>> = {
  writes: {
    what: 'writes',
    compacted:
      'it removes writes that are not persisted yet, and the topic refuses the markers of a persister',
    why: 'writes that wait longer for a persister are lost',
  },
  'dead-letters': {
    what: 'dead letters',
    compacted: 'it removes all letters of a key but the last',
    why: 'an operator may not have looked at them by then, and no other topic has them',
  },
  audit: {
    what: 'audit lines',
    compacted: 'lines have no key, so Kafka refuses them',
    why: 'an auditor may not have looked at them by then, and no other topic has them',
  },
}

/** Examines a topic whose records exist nowhere else for the time being. */
function retained(
  { retentionMs }: TopicPlan,
  of: Reading,
  { what, compacted, why }: Kept,
): (Finding | undefined)[] {
  const policy = of.text('cleanup.policy')
  const ms = of.number('retention.ms')
  const bytes = of.number('retention.bytes')
  return [
    policy === 'delete'
      ? undefined
      : of.problem(`cleanup.policy is ${policy || 'unknown'}: ${compacted}`, 'cleanup.policy=delete'),
    ms !== undefined && ms !== -1 && ms < retentionMs
      ? of.problem(
          `${what} are kept for ${lengthOf(ms)}, and should be for ${lengthOf(retentionMs)}: ${why}`,
          `retention.ms=${retentionMs}`,
        )
      : undefined,
    bytes !== undefined && bytes !== -1
      ? of.problem(
          `retention.bytes is ${bytes}: many ${what} push out others before their time`,
          'retention.bytes=-1',
        )
      : undefined,
  ]
}

/** Examines the settings without which Kafka may lose acknowledged records: no reader would notice. */
function safety(of: Reading, brokers: number): (Finding | undefined)[] {
  const least = of.number('min.insync.replicas')
  return [
    of.text('unclean.leader.election.enable') === 'true'
      ? of.problem(
          'a broker that lags may become the leader: acknowledged records are then lost, and no cache notices',
          'unclean.leader.election.enable=false',
        )
      : undefined,
    least !== undefined && least < 2 && brokers > 1
      ? of.problem(
          'min.insync.replicas is 1: an acknowledged record may be on one broker only, and be lost with it',
          'min.insync.replicas=2, with at least 3 replicas',
        )
      : undefined,
  ]
}

function size(of: Reading): Finding | undefined {
  const most = of.number('max.message.bytes')
  if (most === undefined || most >= MESSAGE_BYTES) return undefined
  return of.warning(
    `records larger than ${most} bytes are refused, and caches write up to ${MESSAGE_BYTES}`,
    'max.message.bytes=1048588, or `maxMessageBytes` of the caches',
  )
}
